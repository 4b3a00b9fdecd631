// Cutting a trace into steps: the prompt, the sentences of the thought, the answer.
//
// The definition is the field's (Bogdan et al. 2025, Thought Anchors), by offsets instead of strings: a thought is cut
// after . ? ! before white space and at blank lines; pieces under ten characters join the next.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "runtime/trace/trace.h"

namespace stemma {

// How a family of models writes a thought.
struct ThoughtDelimiters {
  std::string_view start, end;
};
inline constexpr std::array thought_delimiters = {
    ThoughtDelimiters{"<think>", "</think>"},                        // DeepSeek-R1, Qwen 3, OLMo 3, SmolLM3, Phi-4
    ThoughtDelimiters{"[THINK]", "[/THINK]"},                        // Magistral
    ThoughtDelimiters{"<|channel|>analysis<|message|>", "<|end|>"},  // gpt-oss
    ThoughtDelimiters{"\u25c1think\u25b7", "\u25c1/think\u25b7"},    // Kimi
    ThoughtDelimiters{"<seed:think>", "</seed:think>"},              // Seed-OSS
    ThoughtDelimiters{"<|channel>thought", "<channel|>"},            // Gemma 4
};

// Marks with which models end their turn; no part of an answer.
inline constexpr std::array<std::string_view, 9> turn_ends = {
    "<|endoftext|>",   "<|im_end|>",    "<|eot_id|>",
    "<|end_of_text|>", "</s>",          "<|return|>",
    "<|end|>",         "<end_of_turn>", "<\uff5cend\u2581of\u2581sentence\uff5c>"};

// Steps that partition all tokens of `trace`: its text, token_offsets and prompt_tokens are read. A token that
// straddles a cut belongs to the step in which it starts. Cheap enough to be called at each token of a generation: the
// last step is then the one in hand. Labels are left empty.
std::vector<Step> split_steps(const Trace& trace);

}  // namespace stemma
