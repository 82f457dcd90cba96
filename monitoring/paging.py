"""Who is told when an alert fires: Alertmanager's configuration, with a route for each site of the registry."""

from typing import Any

from schemas.sites import Sites

_REPEAT = {"page": "1h", "call": "24h"}


def alertmanager(sites: Sites, on_call: str, coordinator: str, smarthost: str, sender: str) -> dict[str, Any]:
    """The configuration, as data; JSON is YAML, so Alertmanager reads it as it is.

    Args:
        sites: the registry; a site's alerts go to its contact besides the coordinator.
        on_call: the address that is woken.
        coordinator: the address that calls sites.
        smarthost: HOST:PORT of the mail server.
        sender: the address from which the mails come.
    """
    return {
        "global": {"smtp_smarthost": smarthost, "smtp_from": sender},
        "route": {
            "receiver": "coordinator",
            "group_by": ["alertname", "site"],
            "group_wait": "1m",
            "group_interval": "15m",
            "repeat_interval": _REPEAT["call"],
            "routes": [
                {"matchers": ['severity="page"'], "receiver": "on-call", "repeat_interval": _REPEAT["page"]},
                *({"matchers": [f'site="{code}"'], "receiver": f"site-{code}"} for code in sites),
            ],
        },
        "receivers": [
            {"name": "on-call", "email_configs": [_mail(on_call)]},
            {"name": "coordinator", "email_configs": [_mail(coordinator)]},
            *(
                {"name": f"site-{code}", "email_configs": [_mail(site.contact_email), _mail(coordinator)]}
                for code, site in sites.items()
            ),
        ],
    }


def _mail(address: str) -> dict[str, Any]:
    return {"to": address, "send_resolved": True}
