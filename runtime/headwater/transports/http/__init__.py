"""Commands over HTTP, on FastAPI.

`POST /api/commands/add-user` takes the command as JSON and answers `{"result": ...}`, or a problem
(see `headwater.transports.problems`). The body is read up to its limit, parsed once by the
command's own model, and handed to the app. FastAPI routes and describes; it does not parse.

Read in order:

    paths        where a command is sent to
    headers      headers of our own, and the id that each request goes by
    refusals     a problem as a response
    requests     a command out of a request, within limits
    openapi      how a command is described
    commands     one command over HTTP: request in, response out
    health       whether the service is up
    routes       all of that as a router, for a FastAPI application of your own
    guard        who is let in at all
    standalone   all of that as an application, as `headwater run` serves it
"""

from .commands import Executor
from .guard import is_loopback
from .paths import path_of
from .requests import Limits
from .routes import router
from .standalone import application

__all__ = ["Executor", "Limits", "application", "is_loopback", "path_of", "router"]
