"""Where events, workflows and cursors are kept: one contract, several stores."""
