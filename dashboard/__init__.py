"""The dashboard: what operators see of their agents, and where they stop them.

It owns no data. A page is a script in `views/` that asks `data` (the query
API) and `control` (the control API), shows `charts`, and offers `actions`.

 1. `python -m dashboard` starts the server      __main__.py, asgi.py
 2. somebody signs in                            routes.py
 3. the browser asks for a page                  app.py, views/
 4. the page asks the collector                  data.py through doors.py
 5. rows become pictures                         charts/, components/
 6. a person stops an agent                      components/dialogs.py, actions.py
"""
