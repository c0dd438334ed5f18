"""The revisions of the runtime's tables. One that was released is never changed."""
