// How much each step looks at each step before it.
#pragma once

#include "runtime/session/session.h"
#include "runtime/trace/replay.h"

namespace stemma {

// For every layer and head: over the tokens of step i, the mean of the summed attention weights on the tokens of step
// j; each row sums to 1. Recomputed from the tokens, never holding T x T; where the sums of all layers together would
// not fit into 512 MiB, some layers at a time. Throws Error as replay does.
StepAttention attention_of_steps(const Model& model, const Trace& trace, const Control& control);

}  // namespace stemma
