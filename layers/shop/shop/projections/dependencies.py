"""The projection service, created on first use."""

from functools import cache

from shop.projections.repository import ProjectionRepository
from shop.projections.service import ProjectionService


@cache
def projections() -> ProjectionService:
    return ProjectionService(ProjectionRepository())
