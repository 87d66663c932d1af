"""How each framework asks the guard; one module a framework, imported only when used."""
