"""The validation rules of an order in plain Python, for peers without validation."""


def problem(body):
    if not isinstance(body, dict) or body.keys() - {"items", "note"}:
        return "body"
    items, note = body.get("items"), body.get("note")
    if not isinstance(items, list) or not 1 <= len(items) <= 50:
        return "items"
    for line in items:
        if not isinstance(line, dict) or line.keys() != {"productId", "quantity"}:
            return "items"
        if not isinstance(line["productId"], str) or len(line["productId"]) != 36:
            return "productId"
        quantity = line["quantity"]
        if type(quantity) is not int or not 1 <= quantity <= 999:
            return "quantity"
    if note is not None and not (isinstance(note, str) and len(note) <= 500):
        return "note"
    return None
