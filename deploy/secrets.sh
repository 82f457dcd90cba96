#!/bin/bash
# Makes ./secrets for docker-compose.yml, once: passwords of the cluster's users, Grafana's, and places for what `nccid init` makes.
# Overwrites nothing. Run as root, or as the user with number 10001, since that one reads the keyring.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
for name in kafka-broker kafka-operator kafka-sender kafka-reader kafka-counter kafka-exporter kafka-keeper \
    kafka-worker-pseudonymise kafka-worker-reconcile-people-sites kafka-worker-alerts grafana-admin; do
    [ -e "secrets/$name" ] || head -c 24 /dev/urandom | base64 | tr -d '+/=\n' > "secrets/$name"
done
[ -e secrets/hub-token ] || : > secrets/hub-token
chmod 0644 secrets/kafka-* secrets/grafana-admin secrets/hub-token # read by users of several containers; the folder is 0700
ls secrets
