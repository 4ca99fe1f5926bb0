from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("labeling", "0002_comments_and_class_checks")]

    operations = [
        migrations.AddField(
            model_name="image",
            name="full_height",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="image",
            name="full_width",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="image",
            name="mask_scale",
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="image",
            name="tiles",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddConstraint(
            model_name="image",
            constraint=models.CheckConstraint(
                condition=Q(mask_scale=1, full_width=None, full_height=None)
                | (
                    Q(mask_scale__gt=1, full_width__isnull=False, full_height__isnull=False)
                    & Q(full_width__lte=F("width") * F("mask_scale"))
                    & Q(full_width__gt=(F("width") - 1) * F("mask_scale"))
                    & Q(full_height__lte=F("height") * F("mask_scale"))
                    & Q(full_height__gt=(F("height") - 1) * F("mask_scale"))
                    & ~Q(tiles="")
                ),
                name="image_reduced_by_its_mask_scale",
            ),
        ),
    ]
