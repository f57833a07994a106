#!/bin/sh
# Looks for secrets in everything that git has or is about to have. What is found and is none is
# named here, with why.
set -eu
cd "$(dirname "$0")/.."

# Looks at names, not at values: it finds settings and tests. bandit does the same for our code.
set -- --disable-plugin KeywordDetector
# Digests of packages.
set -- "$@" --exclude-files '(^|/)(uv\.lock|(signing-)?requirements\.txt)$'
# What AWS puts into every event.
set -- "$@" --exclude-lines '"(eventID|md5OfBody|receiptHandle)": "'
# Bodies of recorded requests; their tokens and passwords are made up.
set -- "$@" --exclude-lines '^ *"body": "eyJ'
# The made-up access tokens of recorded requests and of a test: no key signed them.
set -- "$@" --exclude-secrets '^eyJhbGciOiJFUzI1NiJ9\.eyJzdWIiOiIuLi4ifQ\.c2lnbmF0dXJl$'
set -- "$@" --exclude-secrets '^eyJhbGciOiJub25lIn0\.'
# The document's examples of a token and of a public key.
set -- "$@" --exclude-secrets '^eyJ0eXAiOiJhdCtqd3QifQ\.eyJzdWIiOiIifQ\.c2lnbmF0dXJl$'
set -- "$@" --exclude-secrets '^MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4$'
# Ids as services of AWS make them up, and the name of a policy of theirs.
set -- "$@" --exclude-secrets '^(eyJlbmNyeXB0ZWREYXRhIjoiLi4uIn0=|53995c3f42cd8ad8)$'
set -- "$@" --exclude-lines 'iam::aws:policy/service-role/'
# Alphabets.
set -- "$@" --exclude-secrets '^(eanirolstmdhcuykgbjpvfwzxq|ABCDEFGHIJKLMNOPQRSTUVWXYZ.*)$'
# The digest of DynamoDB Local.
set -- "$@" --exclude-secrets '^3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9$'

git ls-files -z --cached --others --exclude-standard |
    xargs -0 .venv-checkers/bin/detect-secrets-hook "$@" || {
    echo "Remove the secret, or name what is none in tools/find_secrets.sh, with the reason." >&2
    exit 1
}
