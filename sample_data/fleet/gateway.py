"""gateway, healthy: a LangChain agent that routes requests; one run in two hundred fails."""

from __future__ import annotations

from sample_data.fleet.chat import PlannedAgent
from sample_data.fleet.kit import Worker
from sample_data.fleet.policy import LocalPolicy

READ_ONLY = ("get_customer", "find_route")
FAILURE_SHARE = 0.005


def main() -> None:
    worker = Worker("gateway", "langchain", READ_ONLY)

    def get_customer() -> str:
        """Read a customer's record."""
        return "customer C-17, standard terms"

    def find_route() -> str:
        """Find who answers this request."""
        if worker.random.random() < FAILURE_SHARE:
            raise TimeoutError("the routing table did not answer in time")
        return "route: billing"

    def forward_request() -> str:
        """Hand the request on."""
        return "forwarded"

    tools = (get_customer, find_route, forward_request)
    agent = PlannedAgent("gateway", worker.guard, LocalPolicy(worker.guard, "routing"), tools)
    plan = [tool.__name__ for tool in tools]
    worker.work(lambda number: agent.run(plan, f"request-{number}"))


if __name__ == "__main__":
    main()
