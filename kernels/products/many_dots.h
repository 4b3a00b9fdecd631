// Dots of some rows with many others, all of them long: what Tiles::dots does, where others are enough.
#pragma once

#include "kernels/products/tiles.h"

namespace stemma::cpu {

bool takes_many_dots(const Tiles& tiles, int64_t others);
void many_dots(const Tiles& tiles, const DotsJob& job);  // without its room

}  // namespace stemma::cpu
