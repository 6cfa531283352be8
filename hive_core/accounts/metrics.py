"""Accounts and holds in Prometheus' terms, as the gateway reported them last."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from hive_core.accounts.line import GatewayLine


class AccountMetrics(Collector):
    def __init__(self, line: GatewayLine) -> None:
        self._line = line

    def collect(self) -> Iterator[GaugeMetricFamily]:
        used = GaugeMetricFamily(
            "hive_account_limit_used",
            "How much of a limit of an account is used, from 0 to 1.",
            labels=["account", "limit"],
        )
        resets = GaugeMetricFamily(
            "hive_account_limit_resets", "When it is free again, in seconds since 1970.", labels=["account", "limit"]
        )
        for account in self._line.accounts:
            for window in account.limits:
                if window.utilization is not None:
                    used.add_metric([account.name, window.name], window.utilization)
                if window.resets_at is not None:
                    resets.add_metric([account.name, window.name], window.resets_at.timestamp())
        held = GaugeMetricFamily(
            "hive_holds",
            "What keeps requests from going out, by kind and whom it concerns.",
            labels=["kind", "scope", "name"],
        )
        for hold in self._line.holds:
            held.add_metric([hold.kind.value, hold.scope.value, hold.name], 1)
        connected = GaugeMetricFamily("hive_gateway_connected", "1 while the gateway is connected to core.")
        connected.add_metric([], 1 if self._line.backend is not None else 0)
        yield from (used, resets, held, connected)
