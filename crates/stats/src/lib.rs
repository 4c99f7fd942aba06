//! Pure arithmetic on benchmark figures: summaries, intervals, paired comparisons, fits.
