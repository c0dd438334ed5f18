def tidy(fields):
    return {**fields}
