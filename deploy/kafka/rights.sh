#!/bin/bash
# Gives each role its rights (deploy/acls), as the broker's own user; run once the brokers answer, and again after an upgrade.
set -euo pipefail
: "${KAFKA_HOME:=/opt/kafka}" "${ACLS:=/etc/nccid/acls}" "${SECRETS:=/run/secrets}" "${BOOTSTRAP:=kafka-1:9095}"

login=$(mktemp)
cat > "$login" <<END
security.protocol=SASL_PLAINTEXT
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="broker" password="$(cat "$SECRETS/kafka-broker")";
END
for file in "$ACLS"/*.acl; do
    role=$(basename "$file" .acl)
    grep -v '^#' "$file" | while read -r arguments; do
        [ -n "$arguments" ] || continue
        # shellcheck disable=SC2086  # each word of the line is an argument
        "$KAFKA_HOME/bin/kafka-acls.sh" --bootstrap-server "$BOOTSTRAP" --command-config "$login" \
            --add --allow-principal "User:$role" $arguments > /dev/null
    done
    echo "$role has its rights"
done
