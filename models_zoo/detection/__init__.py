"""What methods that find boxes share: box arithmetic, batches with boxes, prediction and measuring."""
