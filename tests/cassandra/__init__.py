"""Real Cassandra nodes for tests, benchmarks and development: plain jars on JDK 17, everything below one folder."""
