"""Request bodies of GraphQL over HTTP."""

from typing import Annotated, Any  # variables are of many types

from pydantic import ConfigDict, Field

from shop.http.request_models import Body

MAX_DOCUMENT = 20_000  # characters; a thousand tokens need fewer


class GraphQlRequest(Body):
    """Unknown members are ignored, as GraphQL over HTTP requires."""

    query: Annotated[
        str,
        Field(max_length=MAX_DOCUMENT, description="the document", examples=["{ me { id name } }"]),
    ]
    operation_name: Annotated[
        str | None,
        Field(
            max_length=MAX_DOCUMENT,
            description="required for a document with several operations",
            examples=[None],
        ),
    ] = None
    variables: Annotated[
        dict[str, Any] | None, Field(description="by name, without `$`", examples=[{}])
    ] = None

    model_config = ConfigDict(extra="ignore")
