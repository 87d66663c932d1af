"""Four small agents, each a process of its own: gateway, clerk, courier and rogue."""
