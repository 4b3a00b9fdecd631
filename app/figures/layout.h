// From a figure's marks to where each line, letter and patch of colour lies on a page as high as it needs.
#pragma once

#include "app/figures/figure.h"
#include "viewer/canvas.h"

namespace stemma {

// Draws the figure from (0, 0) and returns the page's height in points. Called twice for a file: on a canvas that only
// measures, for the height, and on the page.
double draw_figure(Canvas& canvas, const Figure& figure);

}  // namespace stemma
