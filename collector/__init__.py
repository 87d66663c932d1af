"""The collector: takes evidence in, keeps it, measures it, passes commands out.

The life of a decision, in the order a newcomer should read:

 1. An agent's exporter sends it            receive/grpc.py, receive/http.py
 2. sender, limits and shape are checked    receive/intake.py names every step in order
 3. the bytes are logged and synced         store/wal.py
 4. only now the sender is told "accepted"  receive/grpc.py, receive/http.py
 5. bytes become columns                    receive/decode.py
 6. columns get their meaning               receive/normalise/
 7. one transaction keeps all of it         store/applier.py
 8. objectives are judged                   evaluator.py with slo/
 9. people and programs ask                 queries.py, served by api.py
10. an operator restricts the agent         control/commands.py
11. the signed hold reaches it              control/documents.py, control/opamp.py
12. its refusal comes back as a decision    step 1, and the command reads "enforced"
"""
