"""What every input serializer shares: a field nobody reads is a mistake of the caller, not something to drop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields (400 `invalid`) at its own level; nested ones do the same where they derive from it."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = sorted(str(name)[:60] for name in set(data) - set(self.fields))
            if unknown:
                known = ", ".join(sorted(self.fields)) or "none"
                raise serializers.ValidationError({name: [f"Unknown field; known are: {known}."] for name in unknown})
        return super().to_internal_value(data)


def parsed(serializer: type[serializers.BaseSerializer[Any]], data: object, **options: Any) -> dict[str, Any]:
    """The checked values of a request body or query. Raises DRF's ValidationError."""
    bound = serializer(data=data, **options)
    bound.is_valid(raise_exception=True)
    values: dict[str, Any] = bound.validated_data
    return values
