"""Table of the patches: one row for each, with every private name of ministack in one row."""

from dataclasses import dataclass

REPOSITORY = "https://github.com/ministackorg/ministack"


@dataclass(frozen=True)
class Patch:
    """One patch.

    ``apply`` is ``<module>.<function>`` in this package. ``names`` are the names of ministack that
    the patch replaces or reads, without the leading ``ministack.``; a name that several patches
    use is in one of their rows. ``report`` is the text to file where ``upstream`` is empty.
    ``test`` in ``tests/local_cloud`` fails without the patch.
    """

    apply: str
    change: str
    reason: str
    removable: str
    test: str
    names: tuple[str, ...] = ()
    upstream: str = ""
    report: str = ""


PATCHES = (
    Patch(
        apply="api_import.import_gateway_responses_and_binary_types",
        change="Import gateway responses and binary media types of an OpenAPI body.",
        reason="ministack drops both, so errors lose their format and binary bodies are text.",
        report="`AWS::ApiGateway::RestApi` with a `Body` ignores "
        "`x-amazon-apigateway-gateway-responses` and `x-amazon-apigateway-binary-media-types`. "
        "Both should be stored as PutGatewayResponse and `binaryMediaTypes` do.",
        removable="`_import_rest_api` reads both extensions.",
        test="test_gateway.py::test_binary_body_arrives_unchanged",
        names=(
            "services.apigateway_v1._import_rest_api",
            "services.apigateway_v1._put_gateway_response",
        ),
    ),
    Patch(
        apply="api_import.import_integration_settings",
        change="Import `timeoutInMillis` and `credentials` of an integration, and the operation of "
        "any method.",
        reason="ministack imports type, method and URI only, so every timeout is the default, and "
        "no integration has a role.",
        report="Import of an OpenAPI body drops `timeoutInMillis` and `credentials` of "
        "`x-amazon-apigateway-integration`. GetIntegration then returns the default of 29,000 and "
        "no role. `x-amazon-apigateway-any-method` creates no method.",
        removable="`_import_operation` passes both on, and imports any method.",
        test="test_gateway.py::test_integration_timeout_has_its_gateway_response",
        names=(
            "services.apigateway_v1._OPENAPI_HTTP_METHODS",
            "services.apigateway_v1._import_operation",
            "services.apigateway_v1._resources",
        ),
    ),
    Patch(
        apply="gateway.handle_requests",
        change="Use one request id per request, reject bodies over 10 MB with 413, read a token "
        "of an unknown route as an AWS signature, and return 502 for an internal error.",
        reason="ministack generates one id for the event and another for the response, has no "
        "limit, and reports an unknown route with a token as one without.",
        report="REST APIs: `requestContext.requestId`, `x-amzn-RequestId` and the id in gateway "
        "responses differ within one request. Bodies over 10 MB are accepted; API Gateway returns "
        "413 in plain text. An unknown route with an Authorization header that is no AWS "
        "signature gets IncompleteSignatureException (403), not MISSING_AUTHENTICATION_TOKEN.",
        removable="One id reaches event, response header and gateway responses, 10 MB is the "
        "limit, and unknown routes check signatures.",
        test="test_gateway.py::test_request_has_one_id",
        names=(
            "services.apigateway_v1._GatewayError",
            "services.apigateway_v1._deployed_gateway_responses",
            "services.apigateway_v1._execute_in_scope",
            "services.apigateway_v1._gateway_error_response",
            "services.apigateway_v1._gw_error",
            "services.apigateway_v1._handle_execute_in_scope",
            "services.apigateway_v1._stages_v1",
            "core.responses._request_client_ip",
        ),
    ),
    Patch(
        apply="gateway.proxy_functions",
        change="Apply the rules of Lambda proxy integrations: event fields, timeout, payload "
        "limit, response validation, remapped headers, gateway responses for errors.",
        reason="ministack returns a function's error text to the client, accepts malformed "
        "responses, trusts X-Forwarded-For and never times out.",
        report="AWS_PROXY integrations of REST APIs: (1) a function error returns the exception's "
        "text in the body instead of the DEFAULT_5XX gateway response; (2) malformed responses "
        "are passed on instead of 502; (3) `timeoutInMillis` is not enforced (504); (4) `sourceIp` "
        "is taken from a client's X-Forwarded-For.",
        removable="ministack enforces all four.",
        test="test_gateway.py::test_malformed_response_is_502_without_details",
        names=(
            "services.apigateway_v1._build_lambda_event_v1",
            "services.apigateway_v1._call_lambda_raw",
            "services.apigateway_v1._extract_lambda_ref_from_integration_uri",
            "services.apigateway_v1._invoke_lambda_proxy_v1",
            "services.apigateway_v1._media_type_matches",
        ),
    ),
    Patch(
        apply="gateway_role.invoke_functions_with_roles",
        change="Invoke a function with the role of its integration or authorizer, if the role "
        "allows that.",
        reason="ministack ignores the role, so a function missing in its policy works here and "
        "fails on AWS.",
        report="REST APIs: `credentials` of an integration and `authorizerCredentials` are stored "
        "and not used. API Gateway assumes the role, and returns 500 if its policy does not allow "
        "lambda:InvokeFunction.",
        removable="ministack invokes functions with the role.",
        test="test_gateway.py::test_role_of_an_integration_must_allow_its_function",
        names=(
            "core.iam_evaluator.evaluate_resource_policy",
            "services.apigateway_v1._invoke_authorizer_lambda",
            "services.iam._roles",
        ),
    ),
    Patch(
        apply="gateway.deployed_stage",
        change="Find the newest deployed API by name, and call it without its stage in the path.",
        reason="The API has a URL of its own on a second port, as behind a custom domain.",
        report="Please support a port that serves one REST API stage at `/`, like a custom domain "
        "with a base path mapping.",
        removable="ministack serves a stage at the root of a port.",
        test="test_gateway.py::test_front_door_passes_the_path_of_the_client",
        names=(
            "services.apigateway_v1._rest_apis",
            "services.apigateway_v1.handle_execute",
        ),
    ),
    Patch(
        apply="resources.accept_types_without_effect",
        change="Accept 18 resource types of alarms, deployments, backups and firewalls.",
        reason="ministack fails the deployment for a resource type that it does not know.",
        report="Please accept resource types without a provisioner optionally: record them, "
        "return a physical id and an Arn, and log a warning.",
        removable="ministack provisions the types; the emulator stops at start when it knows one.",
        test="test_resources.py::test_resource_types_without_effect_are_deployed",
        names=("services.cloudformation.provisioners._RESOURCE_HANDLERS",),
    ),
    Patch(
        apply="resources.apply_reserved_concurrency",
        change="Apply `ReservedConcurrentExecutions` of a template to all versions of a function.",
        reason="ministack drops the property and looks for the limit in the version called.",
        report="`AWS::Lambda::Function` ignores `ReservedConcurrentExecutions`. After "
        "PutFunctionConcurrency, invocations of a published version are not limited either.",
        removable="The property is provisioned, and `_reserved_concurrency` reads the function.",
        test="test_resources.py::test_reserved_concurrency_is_applied",
        names=("services.lambda_svc._reserved_concurrency",),
    ),
    Patch(
        apply="resources.return_secret_arns",
        change="Return the ARN for `Ref` of a secret, and store no value that is not declared.",
        reason="ministack returns the name and stores an empty value, so policies match nothing.",
        report="`Ref` of `AWS::SecretsManager::Secret` returns the name; CloudFormation returns "
        "the ARN. Without SecretString and GenerateSecretString a secret has no version on AWS.",
        removable="`_sm_secret_create` returns the ARN, and stores no empty version.",
        test="test_resources.py::test_secret_reference_is_its_arn",
        names=(
            "services.cloudformation.provisioners._sm_secret_create",
            "services.secretsmanager._resolve",
            "services.secretsmanager._secrets",
        ),
    ),
    Patch(
        apply="resources.make_secret_versions_immutable",
        change="Reject another value for an existing version of a secret, and ignore the same one.",
        reason="ministack overwrites the version, so a retry that races can replace a key.",
        report="PutSecretValue with the ClientRequestToken of an existing version overwrites it. "
        "AWS ignores an equal value and fails with ResourceExistsException for another.",
        removable="`_put_secret_value` compares with the existing version.",
        test="test_resources.py::test_secret_version_is_immutable",
        names=("services.secretsmanager._put_secret_value",),
    ),
    Patch(
        apply="resources.decode_method_setting_paths",
        change="Decode `/~1api~1users` to `/api/users` in method settings.",
        reason="ministack uses the encoded path as it is, so a method is never throttled.",
        report="`MethodSettings` of `AWS::ApiGateway::Stage` and `Deployment`: ResourcePath is "
        "JSON-pointer encoded (`/~1api~1users`), and is not decoded, so settings match no method.",
        removable="`_apigw_method_settings` decodes `~1`.",
        test="test_gateway.py::test_method_settings_throttle_a_method",
        names=("services.cloudformation.provisioners._apigw_method_settings",),
    ),
    Patch(
        apply="resources.accept_metric_math_alarms",
        change="Accept alarms on metric math, and never evaluate them.",
        reason="ministack fails the deployment for `Metrics` of an alarm, on purpose.",
        upstream=f"{REPOSITORY}/pull/265",
        removable="ministack accepts `Metrics`.",
        test="test_resources.py::test_metric_math_alarm_is_deployed_and_not_evaluated",
        names=("services.cloudformation.provisioners._cw_metric_alarm_record",),
    ),
    Patch(
        apply="saved_queries.serve_query_definitions",
        change="Serve Put-, Describe- and DeleteQueryDefinitions.",
        reason="ministack has no saved queries.",
        report="CloudWatch Logs: PutQueryDefinition, DescribeQueryDefinitions and "
        "DeleteQueryDefinition return `Unknown action`.",
        removable="ministack serves the three calls.",
        test="test_resources.py::test_saved_queries_are_put_described_and_deleted",
        names=("services.cloudwatch_logs.handle_request",),
    ),
    Patch(
        apply="saved_queries.provision_query_definitions",
        change="Provision `AWS::Logs::QueryDefinition`.",
        reason="ministack fails the deployment for the type.",
        report="`AWS::Logs::QueryDefinition` is an unsupported resource type.",
        removable="ministack provisions the type; the emulator stops at start when it does.",
        test="test_resources.py::test_saved_queries_of_a_template_are_deployed",
    ),
    Patch(
        apply="saved_queries.reject_unsupported_queries",
        change="Reject Logs Insights queries that ministack cannot run.",
        reason="ministack ignores `stats` and compound filters, and returns every line.",
        report="StartQuery ignores stages that it cannot parse (`stats`, `parse`, `filter a and "
        "b`) and returns unfiltered rows. MalformedQueryException would be safer.",
        removable="StartQuery rejects a stage that it cannot run.",
        test="test_resources.py::test_unsupported_query_is_rejected",
        names=(
            "services.cloudwatch_logs._compile_insights_filter",
            "services.cloudwatch_logs._split_insights_pipes",
            "services.cloudwatch_logs._start_query",
        ),
    ),
    Patch(
        apply="transactions.compare_token_requests_as_sent",
        change="Compare a repeated transaction with the request as it was sent.",
        reason="ministack normalises numbers of the stored request in place, so an SDK retry fails "
        "with IdempotentParameterMismatch.",
        report="TransactWriteItems with a ClientRequestToken: storing changes `19.90` to `19.9` in "
        "the recorded signature, so an identical retry raises "
        "IdempotentParameterMismatchException. Copy the request before applying it.",
        removable="`_transact_write_items` copies the request for the signature.",
        test="test_transactions.py::test_repeated_transaction_with_its_token_is_applied_once",
        names=(
            "services.dynamodb._transact_write_items",
            "services.dynamodb._txn_token_lookup",
            "services.dynamodb._txn_token_store",
        ),
    ),
    Patch(
        apply="functions.run_functions_in_bare_interpreters",
        change="Run each environment as a bare interpreter with its package and layers only.",
        reason="ministack runs functions with its own packages and variables in reach, which hides "
        "missing dependencies, and waits 50 ms for log lines.",
        report="Python workers inherit the site-packages and the environment variables of "
        "ministack, so `import boto3` works without a layer. Start them with `-I -S` and the "
        "variables that Lambda documents.",
        removable="ministack isolates workers; debugging, log streams and traces also need this.",
        test="test_functions.py::test_function_imports_from_its_package_and_layers_only",
        names=(
            "core.lambda_runtime.Worker.__init__",
            "core.lambda_runtime.Worker._discard_tmpdir",
            "core.lambda_runtime.Worker._lock",
            "core.lambda_runtime.Worker._proc",
            "core.lambda_runtime.Worker._spawn",
            "core.lambda_runtime.Worker._stderr_queue",
            "core.lambda_runtime.Worker.invoke",
            "core.lambda_runtime._account_region_from_function_config",
            "core.lambda_runtime._worker_class_for",
            "core.lambda_runtime.execution_credentials",
            "services.lambda_svc._execute_function_warm",
            "services.lambda_svc._resolve_layer_zip",
        ),
    ),
    Patch(
        apply="functions.limit_concurrent_cold_starts",
        change="Start at most one environment per processor at once, and at least two.",
        reason="ministack starts one per request, so a burst of cold starts times out together.",
        report="Please bound the number of workers that start at the same time, and let a waiting "
        "request take a worker that becomes free.",
        removable="ministack bounds concurrent cold starts.",
        test="test_functions.py::test_burst_of_requests_reuses_free_environments",
        names=(
            "core.lambda_runtime._lock",
            "core.lambda_runtime._worker_key",
            "core.lambda_runtime._workers",
            "services.lambda_svc.acquire_worker",
            "services.lambda_svc.release_worker",
        ),
    ),
    Patch(
        apply="functions.reject_aliases_to_missing_versions",
        change="Reject an alias to a version that does not exist, by API and by template.",
        reason="ministack accepts it, so a wrong rollback succeeds and requests fail later.",
        report="CreateAlias and UpdateAlias accept FunctionVersion and AdditionalVersionWeights "
        "of versions that do not exist. Lambda returns ResourceNotFoundException.",
        removable="Both calls and `AWS::Lambda::Alias` check the version.",
        test="test_functions.py::test_alias_to_a_missing_version_is_rejected",
        names=(
            "services.cloudformation.provisioners._lambda_function_for_cfn_ref",
            "services.lambda_svc._create_alias",
            "services.lambda_svc._func_arn",
            "services.lambda_svc._functions",
            "services.lambda_svc._update_alias",
        ),
    ),
    Patch(
        apply="debugging.report_new_versions",
        change="End debugging sessions when the debugged function has a new version.",
        reason="A debugger that stays attached to the old version stops at nothing.",
        report="Please call a hook when an alias points to another version.",
        removable="`make run DEBUG=` is removed.",
        test="test_debugger.py::test_new_version_ends_the_session_and_accepts_a_new_one",
    ),
    Patch(
        apply="function_logs.log_invocations_by_environment",
        change="Write one log stream per environment, and copy log lines to a file.",
        reason="ministack creates a stream per invocation and has no file to follow.",
        report="Each invocation gets a new log stream. On Lambda a stream belongs to an execution "
        "environment, and AWS_LAMBDA_LOG_STREAM_NAME is its name.",
        removable="ministack reuses streams; `make run` follows CloudWatch Logs instead of a file.",
        test="test_functions.py::test_environment_logs_to_one_stream_of_the_declared_group",
        names=(
            "services.cloudwatch_logs._append_log_events",
            "services.cloudwatch_logs._fanout_to_subscription_filters",
            "services.cloudwatch_logs._log_groups",
            "services.cloudwatch_logs._make_group_arn",
            "services.lambda_svc._emit_lambda_logs",
        ),
    ),
    Patch(
        apply="event_source_mappings.validate_mappings",
        change="Reject event source mappings that AWS rejects, and apply defaults of streams.",
        reason="ministack accepts a role without access, a short visibility timeout and an invalid "
        "filter, which fail a deployment on AWS.",
        report="CreateEventSourceMapping does not check the execution role, the queue's visibility "
        "timeout, the batch window for more than 10 messages, or filter patterns. "
        "GetEventSourceMapping omits defaults such as MaximumRetryAttempts -1.",
        removable="ministack validates mappings by API and by template.",
        test="test_rejected_templates.py::test_template_mapping_without_read_permission_is_rejected",
        names=(
            "core.iam_evaluator._gather_role_policies",
            "services.cloudformation.provisioners._lambda_esm_update",
            "services.lambda_svc._create_esm",
            "services.lambda_svc._esm_wake",
            "services.lambda_svc._esms",
            "services.lambda_svc._resolve_existing_esm_function",
            "services.lambda_svc._resolve_request_scoped_name_and_qualifier",
            "services.lambda_svc._update_esm",
        ),
    ),
    Patch(
        apply="event_source_mappings.filter_with_event_patterns",
        change="Match filters of queue mappings with the pattern matcher of the event bus.",
        reason="ministack's own matcher has no `$or`, so such a filter matches no record.",
        report="FilterCriteria use a smaller matcher than EventBridge rules. Both have one syntax, "
        "so `_compiled_pattern` and `_matches_detail` of eventbridge could serve both.",
        removable="`_apply_filter_criteria` uses the matcher of eventbridge.",
        test="test_queues.py::test_filtered_messages_are_deleted_even_if_the_batch_fails",
        names=(
            "services.eventbridge._compiled_pattern",
            "services.eventbridge._matches_detail",
            "services.lambda_svc._apply_filter_criteria",
        ),
    ),
    Patch(
        apply="streams.invoke_functions_with_batches",
        change="Follow each stream on its own thread, with batch windows, retries, bisection, "
        "partial failures and failure destinations.",
        reason="ministack polls all streams on one thread, retries for ever and sends pointer "
        "messages for record age only.",
        upstream=f"{REPOSITORY}/pull/1724",
        removable="The concurrency of SQS mappings (merged there) covers streams, and "
        "MaximumRetryAttempts, BisectBatchOnFunctionError, windows and OnFailure are honoured.",
        test="test_streams.py::test_bisection_isolates_the_failing_record",
        names=(
            "core.responses._request_account_id",
            "core.responses._request_region",
            "services.dynamodb._emit_stream_event",
            "services.dynamodb._tables",
            "services.dynamodb.stream_records_since",
            "services.dynamodb_streams._DEFAULT_SHARD_ID",
            "services.lambda_svc._dispatch_esm_batch",
            "services.lambda_svc._dynamodb_stream_positions",
            "services.lambda_svc._dynamodb_stream_positions_lock",
            "services.lambda_svc._esm_inflight",
            "services.lambda_svc._execute_function",
            "services.lambda_svc._get_func_record_for_qualifier",
            "services.lambda_svc._iter_all_esms",
            "services.lambda_svc._poll_dynamodb_streams",
            "services.lambda_svc._poll_loop",
        ),
    ),
    Patch(
        apply="streams.number_records_in_order",
        change="Number stream records without leading zeros, in strictly rising order.",
        reason="ministack's numbers start with zeros and follow the clock, which can step back.",
        report="SequenceNumber of stream records has leading zeros and begins with the time, "
        "so order is lost when the clock is set back. DynamoDB's have no leading zeros.",
        removable="`_next_stream_seq` counts up from a number without leading zeros.",
        test="test_streams.py::test_stream_records_arrive_in_order_with_both_images",
        names=("services.dynamodb._next_stream_seq",),
    ),
    Patch(
        apply="streams.mark_expired_items",
        change="Write items deleted by TTL to the stream, with the identity of the service.",
        reason="ministack deletes expired items without a stream record.",
        report="The TTL reaper emits no stream record. DynamoDB emits REMOVE with userIdentity "
        "`{PrincipalId: dynamodb.amazonaws.com, Type: Service}`.",
        removable="`_ttl_reaper` emits the record.",
        test="test_expiry.py::test_expired_item_is_on_the_stream_as_removed_by_the_service",
        names=(
            "services.dynamodb._build_change_record",
            "services.dynamodb._remove_item",
            "services.dynamodb._ttl_reaper",
        ),
    ),
    Patch(
        apply="queues.serialize_queue_changes",
        change="Change the messages of queues under one lock.",
        reason="ministack rebuilds a queue's list on several threads, which loses a message sent "
        "meanwhile.",
        report="SQS handlers on the event loop change `queue['messages']` without `_queues_lock`, "
        "while event source mappings rebuild the list on threads. A message sent in between is "
        "lost.",
        removable="All writers of `messages` hold `_queues_lock`.",
        test="test_queues.py::test_sending_waits_for_the_lock_of_queues",
        names=(
            "services.eventbridge._dispatch_to_sqs",
            "services.lambda_svc._route_async_failure",
            "services.sqs._HANDLERS",
            "services.sqs._act_send_message",
            "services.sqs._collect_msgs",
            "services.sqs._delete_messages_for_esm",
            "services.sqs._dlq_sweep",
            "services.sqs._expire_retained",
            "services.sqs._queues_lock",
            "services.sqs._receive_messages_for_esm",
            "services.sqs._refresh_counts",
        ),
    ),
    Patch(
        apply="queues.delete_processed_messages_only",
        change="Keep the batch for a report with an unknown id, and delete filtered messages.",
        reason="ministack deletes the batch when a report names no message of it.",
        report="ReportBatchItemFailures with an empty, null or unknown itemIdentifier deletes the "
        "whole batch. Lambda treats such a report as a failure of the batch.",
        removable="`_run_sqs_batch` keeps the batch for a malformed report.",
        test="test_queues.py::test_report_with_an_unknown_id_keeps_the_batch",
        names=("services.lambda_svc._run_sqs_batch",),
    ),
    Patch(
        apply="queues.support_redrive",
        change="Serve StartMessageMoveTask and ListMessageMoveTasks.",
        reason="ministack has neither call.",
        report="SQS: StartMessageMoveTask, ListMessageMoveTasks and CancelMessageMoveTask are not "
        "implemented.",
        removable="ministack serves both calls.",
        test="test_queues.py::test_dead_letters_move_back_to_their_source_queue",
        names=(
            "services.sqs._Err",
            "services.sqs._queue_by_arn",
            "services.sqs._queues",
        ),
    ),
    Patch(
        apply="event_bus.reject_malformed_entries",
        change="Reject malformed entries of PutEvents and more than 256 KB, and keep `Time`.",
        reason="ministack accepts every entry and replaces its time.",
        report="PutEvents accepts entries without Source, DetailType or Detail, Detail that is no "
        "JSON object, and requests over 256 KB. It also ignores `Time`.",
        removable="`_put_events` validates entries and stores `Time`.",
        test="test_event_bus.py::test_malformed_entries_fail_alone",
        names=(
            "services.eventbridge._archive_event",
            "services.eventbridge._coerce_timestamp",
            "services.eventbridge._dispatch_event",
            "services.eventbridge._event_bus_name_from_ref",
            "services.eventbridge._now_ts",
            "services.eventbridge._pattern_event_view",
            "services.eventbridge._put_events",
        ),
    ),
    Patch(
        apply="event_bus.enforce_queue_policies",
        change="Deliver to a queue only if its policy allows the rule, else to DeadLetterConfig.",
        reason="ministack delivers without a policy and has no dead letters of targets.",
        upstream=f"{REPOSITORY}/pull/1313",
        removable="Dead letters of targets (closed there without a merge) and queue policies are "
        "part of ministack.",
        test="test_event_bus.py::test_queue_without_a_policy_gets_no_event_but_a_dead_letter",
        names=(
            "services.eventbridge._invoke_target",
            "services.sqs.queue_policy_allows",
        ),
    ),
    Patch(
        apply="event_bus.validate_rules",
        change="Fail a deployment for a rule with an invalid pattern or an unknown bus.",
        reason="ministack deploys the rule, which then matches nothing.",
        report="`AWS::Events::Rule` accepts an invalid EventPattern and a bus that does not exist. "
        "PutRule rejects both.",
        removable="The provisioner of `AWS::Events::Rule` validates as PutRule does.",
        test="test_rejected_templates.py::test_template_rule_without_a_bus_or_valid_pattern_is_rejected",
        names=(
            "services.cloudformation.provisioners._eb_rule_bus_name",
            "services.eventbridge._event_buses",
            "services.eventbridge._event_pattern_error",
        ),
    ),
    Patch(
        apply="event_bus.provision_archives",
        change="Provision `AWS::Events::Archive`.",
        reason="ministack has archives by API, and fails the deployment for the type.",
        report="`AWS::Events::Archive` is an unsupported resource type, although CreateArchive, "
        "UpdateArchive and DeleteArchive exist.",
        removable="ministack provisions the type; the emulator stops at start when it does.",
        test="test_event_bus.py::test_archived_event_is_replayed",
        names=(
            "services.eventbridge._create_archive",
            "services.eventbridge._delete_archive",
            "services.eventbridge._update_archive",
        ),
    ),
    Patch(
        apply="permissions.authorize_actions",
        change="Authorize Get-, Update- and DeleteEventSourceMapping by their own actions, and "
        "SendMessageBatch as SendMessage.",
        reason="ministack checks a read of one mapping as a list, the other two not at all, and "
        "batches of messages by actions that IAM does not have.",
        report="IAM: `_lambda_action` returns ListEventSourceMappings for a GET of one mapping, "
        "and None for PUT and DELETE, which are then allowed for every role. For SQS, batch "
        "operations need the permission of the single operation.",
        removable="`_lambda_action` returns the three actions, and a batch the one of a message.",
        test="test_permissions.py::test_mapping_permission_is_checked_by_action",
        names=("core.iam_actions.extract_iam_action",),
    ),
    Patch(
        apply="permissions.authorize_event_source_resources",
        change="Authorize streams, move tasks and email senders by their ARN.",
        reason="ministack checks them on `*`, so a policy that names one resource denies all.",
        report="IAM: `extract_resource_arn` returns `*` for DynamoDB Streams (StreamArn, "
        "ShardIterator), SQS move tasks (SourceArn) and SES v2 SendEmail (identity of the sender).",
        removable="`extract_resource_arn` returns the ARN for the three services.",
        test="test_permissions.py::test_stream_permission_is_checked_by_arn",
        names=(
            "core.iam_actions.extract_resource_arn",
            "services.dynamodb_streams._decode_iterator",
            "services.ses._identities",
            "services.ses_v2._identities",
        ),
    ),
    Patch(
        apply="permissions.authorize_leading_keys",
        change="Set `dynamodb:LeadingKeys` for requests for one item.",
        reason="ministack omits the key, so `ForAllValues` conditions on it allow every row.",
        report="IAM: `dynamodb_service_context` omits `dynamodb:LeadingKeys`, so a policy with "
        "`ForAllValues:StringLike` on it allows requests for all rows. AWS denies other rows.",
        removable="`dynamodb_service_context` returns `dynamodb:LeadingKeys`.",
        test="test_permissions.py::test_condition_on_leading_keys_denies_other_rows",
        names=("core.iam_actions.dynamodb_service_context",),
    ),
    Patch(
        apply="permission_log.record_iam_decisions",
        change="Write each role, action, resource and decision to a file, once each.",
        reason="Tests compare the policies of the template with the permissions that are used.",
        report="Please log IAM decisions (principal, action, resource, decision) to a file or an "
        "endpoint, optionally.",
        removable="ministack has such a log.",
        test="test_permission_log.py::test_iam_decision_is_logged_once",
        names=(
            "core.iam_evaluator.EvalContext",
            "core.iam_evaluator.enforce",
            "core.iam_evaluator.evaluate",
        ),
    ),
    Patch(
        apply="tracing.continue_request_traces",
        change="Give an invocation the trace id of its request.",
        reason="ministack starts a trace for each invocation.",
        report="Invocations through API Gateway do not get the trace of the request: "
        "`_execute_function_warm` calls `_xray_trace_id_for_invocation(config)` without the "
        "inbound header.",
        removable="API Gateway passes a trace id on to Lambda, and its segment to a daemon.",
        test="test_traces.py::test_gateway_authorizer_and_function_are_one_trace",
        names=("services.lambda_svc._xray_trace_id_for_invocation",),
    ),
)
