"""Apache Kafka on this machine, from Maven Central: for tests and benchmarks, where Java and Maven are. Never in production."""
