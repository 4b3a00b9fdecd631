// The three parts of a forward, for whoever repeats the one between. Internal to runtime/model.
#pragma once

#include "runtime/model/forward.h"

namespace stemma {

// Room; the tokens and their places on the device; caches that a text outgrows, computed anew.
void enter(Workspace& work, const Batch& batch, std::span<KeyValueCache* const> caches);
// All that the device does. Where each text goes on by one token, the calls differ from those of the texts' last token
// by the numbers on the device alone.
Tensor run_decoder(Workspace& work, const Batch& batch, std::span<KeyValueCache* const> caches, const Taps* taps);
// The caches hold the batch.
void leave(const Batch& batch, std::span<KeyValueCache* const> caches);

}  // namespace stemma
