#!/bin/bash
# Starts one broker (and controller) of the cluster; formats its disk the first time, with the users in it.
# Passwords come as files: /run/secrets/kafka-NAME. Settings are those of server.properties beside this file.
set -euo pipefail
: "${NODE_ID:?the number of this broker}" "${CLUSTER_ID:?one for the whole cluster: kafka-storage.sh random-uuid}"
: "${KAFKA_HOME:=/opt/kafka}" "${SETTINGS:=/etc/nccid/server.properties}" "${SECRETS:=/run/secrets}" "${DATA:=/var/lib/kafka/data}"
: "${NAME:=kafka-$NODE_ID}" "${USERS:=broker operator sender reader counter exporter keeper worker-pseudonymise worker-reconcile-people-sites worker-alerts}"

made=$(mktemp -d)/server.properties
sed -e "s|@NODE_ID@|$NODE_ID|g" -e "s|@NAME@|$NAME|g" -e "s|@DATA@|$DATA|g" \
    -e "s|@BROKER_PASSWORD@|$(cat "$SECRETS/kafka-broker")|g" "$SETTINGS" > "$made"
users=()
for user in $USERS; do users+=(--add-scram "SCRAM-SHA-512=[name=$user,password=$(cat "$SECRETS/kafka-$user")]"); done
"$KAFKA_HOME/bin/kafka-storage.sh" format --ignore-formatted --cluster-id "$CLUSTER_ID" --config "$made" "${users[@]}"
exec "$KAFKA_HOME/bin/kafka-server-start.sh" "$made"
