"""Amazon's DynamoDB Local as a process of its own, for tests that moto is too lenient for."""
