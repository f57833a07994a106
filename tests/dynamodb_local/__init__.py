"""Amazon's DynamoDB Local as a separate process, for tests that need more strictness than moto."""
