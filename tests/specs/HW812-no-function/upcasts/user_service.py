def tidy(fields):
    return {**fields, "city": ""}
