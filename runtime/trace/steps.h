// Cutting a trace into steps: the prompt, the sentences of the thought, the answer.
//
// The definition is the field's (Bogdan et al. 2025, Thought Anchors), by offsets instead of strings: a thought is cut
// after . ? ! before white space and at blank lines; pieces under ten characters join the next.
#pragma once

#include <vector>

#include "runtime/trace/trace.h"

namespace stemma {

// Steps that partition all tokens of `trace`: its text, token_offsets, prompt_tokens and thought_start are read. A
// token that straddles a cut belongs to the step in which it starts. Cheap enough to be called at each token of a
// generation: the last step is then the one in hand. Labels are left empty.
std::vector<Step> split_steps(const Trace& trace);

}  // namespace stemma
