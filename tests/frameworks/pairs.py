"""Which frameworks are run, and with which instrumentation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
REPOSITORY = FOLDER.parents[1]
RECORDED = FOLDER / "recorded"
SCENARIOS = ("normal", "degrade", "kill")
INSTRUMENTATIONS = {
    "native": "itself",
    "otel": "OpenTelemetry GenAI",
    "openinference": "OpenInference",
    "openllmetry": "OpenLLMetry",
}


@dataclass(frozen=True)
class Pair:
    """A framework with one way of telling what it does; both as the table names them."""

    framework: str
    instrumentation: str
    title: str
    package: str
    teller: str
    agent: str = "bank-agent"

    @property
    def name(self) -> str:
        return f"{self.framework}_{self.instrumentation}"

    @property
    def how(self) -> str:
        """How the table names the instrumentation."""
        return INSTRUMENTATIONS[self.instrumentation]

    @property
    def folder(self) -> Path:
        return FOLDER / self.framework

    def instance(self, scenario: str) -> str:
        """The service.instance.id of the process that ran a scenario."""
        return f"{self.name}-{scenario}"


PAIRS = (
    Pair(
        "langchain",
        "otel",
        "LangChain",
        "langchain",
        "opentelemetry-instrumentation-genai-langchain",
    ),
    Pair(
        "langchain",
        "openinference",
        "LangChain",
        "langchain",
        "openinference-instrumentation-langchain",
    ),
    Pair(
        "langchain",
        "openllmetry",
        "LangChain",
        "langchain",
        "opentelemetry-instrumentation-langchain",
    ),
    Pair(
        "openai_agents",
        "otel",
        "OpenAI Agents SDK",
        "openai-agents",
        "opentelemetry-instrumentation-genai-openai-agents",
    ),
    Pair(
        "openai_agents",
        "openinference",
        "OpenAI Agents SDK",
        "openai-agents",
        "openinference-instrumentation-openai-agents",
    ),
    Pair("google_adk", "native", "Google ADK", "google-adk", "google-adk", agent="bank_agent"),
    Pair(
        "agent_framework",
        "native",
        "Microsoft Agent Framework",
        "agent-framework-core",
        "agent-framework-core",
    ),
    Pair("semantic_kernel", "native", "Semantic Kernel", "semantic-kernel", "semantic-kernel"),
    Pair("crewai", "openinference", "CrewAI", "crewai", "openinference-instrumentation-crewai"),
    Pair("crewai", "openllmetry", "CrewAI", "crewai", "opentelemetry-instrumentation-crewai"),
    Pair(
        "autogen",
        "native",
        "AutoGen",
        "autogen-agentchat",
        "autogen-core",
        agent="bank_agent",
    ),
    Pair(
        "autogen",
        "openinference",
        "AutoGen",
        "autogen-agentchat",
        "openinference-instrumentation-autogen-agentchat",
        agent="bank_agent",
    ),
)
