import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0003_large_images")]

    operations = [
        migrations.CreateModel(
            name="ImagePrior",
            fields=[
                (
                    "image",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="prior",
                        serialize=False,
                        to="labeling.image",
                    ),
                ),
                ("blob", models.CharField(max_length=120)),
                ("sha256", models.CharField(max_length=64)),
                (
                    "model_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="priors",
                        to="labeling.modelversion",
                    ),
                ),
            ],
        ),
    ]
