def tidy(fields):
    return fields


return 1
