#!/bin/sh
# Search for secrets in all tracked and untracked files. False positives are listed with reasons.
set -eu
cd "$(dirname "$0")/.."

# Skips lines that no plugin can match, before the plugins: twice as fast, with the same results.
export DETECT_SECRETS_PERF_PREGATE=1

# Matches names, not values, so it finds settings and tests. bandit covers our code.
set -- --disable-plugin KeywordDetector
# Digests of packages.
set -- "$@" --exclude-files '(^|/)(uv\.lock|((graphql|rpc|signing)-)?requirements\.txt)$'
# Generated from layers/shop/shop/system/openapi.json, which is scanned.
set -- "$@" --exclude-files '^(docs/openapi\.json|clients/typescript/src/openapi\.ts)$'
# Fields that AWS adds to every event.
set -- "$@" --exclude-lines '"(eventID|md5OfBody|receiptHandle)": "'
# Bodies of recorded requests, JSON and forms, with invented tokens and passwords.
set -- "$@" --exclude-lines '^ *"body": "(eyJ|Z3JhbnRfdHlwZT|dG9rZW49)'
# The code challenge and verifier of RFC 7636, appendix B.
set -- "$@" --exclude-secrets '^(E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM|dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk)$'
# The OpenAPI document's example of a client's secret.
set -- "$@" --exclude-secrets '^shop_cs_MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4$'
# The example of a webhook endpoint's secret, and a secret that a test derives from the letter m.
set -- "$@" --exclude-secrets '(TUtCQ1ROSWNLVVNEaWkxMXlTczM1MjZpRFo4QWlUbzc=|0495e0e9769f78af40e0cbb26f924d6bd824effcb513e1d5fbbfe54fd8300a82)$'
# Invented access tokens of recorded requests and of a test: no key signed them.
set -- "$@" --exclude-secrets '^eyJhbGciOiJFUzI1NiJ9\.eyJzdWIiOiIuLi4ifQ\.c2lnbmF0dXJl$'
set -- "$@" --exclude-secrets '^eyJhbGciOiJub25lIn0\.'
# The OpenAPI document's examples of a token and of a public key.
set -- "$@" --exclude-secrets '^eyJ0eXAiOiJhdCtqd3QifQ\.eyJzdWIiOiIifQ\.c2lnbmF0dXJl$'
set -- "$@" --exclude-secrets '^MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4$'
# The OpenAPI document's examples of a passkey's challenge, user handle and data, and a point of small order.
set -- "$@" --exclude-secrets '^(AAAAAGsiSJCZ2i0O3kcpYbyaYoiMpvnDMKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4|MDE5MGE2YjItN2M5ZS03YjFhLThmMDAtMDAwMDAwMDAwMGEx|SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MdAAAAAA)$'
set -- "$@" --exclude-secrets '^c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a$'
# Ids in the format of AWS services, and the name of an AWS managed policy.
set -- "$@" --exclude-secrets '^(eyJlbmNyeXB0ZWREYXRhIjoiLi4uIn0=|53995c3f42cd8ad8)$'
set -- "$@" --exclude-lines 'iam::aws:policy/service-role/'
# Alphabets.
set -- "$@" --exclude-secrets '^(eanirolstmdhcuykgbjpvfwzxq|23456789abcdefghijkmnpqrstuvwxyz|ABCDEFGHIJKLMNOPQRSTUVWXYZ.*)$'
# The digest of DynamoDB Local.
set -- "$@" --exclude-secrets '^3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9$'

git ls-files -z --cached --others --exclude-standard |
    xargs -0 .venv-checkers/bin/detect-secrets-hook "$@" || {
    echo "Remove the secret, or list the false positive in tools/find_secrets.sh with the reason." >&2
    exit 1
}
