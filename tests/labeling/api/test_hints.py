"""What an image's page is told to do next."""

from __future__ import annotations

import pytest

from labeling.models import AcquisitionScore, ModelVersion, Project
from models_zoo.acquisition import QUESTIONS
from tests.conftest import Cast, client_for
from tests.factories import make_image, make_version


@pytest.mark.parametrize(
    ("question", "said"), [("tag", "which"), ("point", "point"), ("scribble", "stroke"), ("box", "box")]
)
def test_the_hint_names_the_question_worth_most_where_the_order_is_by_value_per_second(
    cast: Cast, question: str, said: str
) -> None:
    image, version = make_image(cast.project), make_version(cast.project, is_active=True)
    place = [*QUESTIONS].index(question)  # type: ignore[arg-type]
    AcquisitionScore.objects.create(image=image, model_version=version, function="question", score=place)
    client, path = client_for(cast.vera), f"/api/v1/images/{image.pk}"
    assert "few pixels" in client.get(path).json()["next_hint"]
    Project.objects.filter(pk=cast.project.pk).update(settings_json={"acquisition": "value_per_second"})
    assert said in client.get(path).json()["next_hint"]
    ModelVersion.objects.update(is_active=False)
    assert "few pixels" in client.get(path).json()["next_hint"]


def test_the_hint_is_in_the_persons_language(cast: Cast) -> None:
    path = f"/api/v1/images/{make_image(cast.project).pk}"
    hint = client_for(cast.vera).get(path, headers={"Accept-Language": "de"}).json()["next_hint"]
    assert hint == "Markieren Sie von jeder Klasse ein paar Pixel."
