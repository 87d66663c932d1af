"""Runs inside an agent and obeys: signed holds are enforced before the next model or tool call.

    guard = attach("clerk", read_only_tools=("get_balance",))
    guard.check_tool("transfer")        # raises Refused while a hold forbids it

The life of a hold in here, in the order of reading:

 1. control sends a signed document         link.py, messages.py
 2. it is verified and ordered              document.py
 3. it is kept on disk, then in force       state.py, guard.py
 4. a hook asks before a call               guard.py, adapters/
 5. the strictest hold in scope answers     rules.py
 6. a refusal is told as an OTel event      decisions.py
"""

from watchkeeper_agent.errors import AgentError, Refused, StateError
from watchkeeper_agent.guard import Guard, Permission, attach

__all__ = ["AgentError", "Guard", "Permission", "Refused", "StateError", "attach"]
