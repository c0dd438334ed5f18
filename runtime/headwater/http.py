"""Serve a service's commands in a FastAPI application of your own.

api = FastAPI()
api.include_router(headwater.http.router(app), prefix="/users")
"""

from .transports.http import Limits, router

__all__ = ["Limits", "router"]
