// What a step does, told from its words: a quick first label that a person or a model may replace.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "runtime/trace/trace.h"

namespace stemma {

// The eight kinds of Bogdan et al. 2025, in the order of their colours.
inline constexpr std::array<std::string_view, 8> step_labels = {
    "problem_setup",          "plan_generation",      "fact_retrieval", "active_computation",
    "uncertainty_management", "result_consolidation", "self_checking",  "final_answer_emission"};

// The label of one sentence of a thought by the words in it; empty where none of the cues stands in it.
std::string_view lexical_label(std::string_view sentence);

// Labels the thought and answer steps that have no label yet; labelled_by becomes "lexical". Prompts stay unlabelled.
void label_steps(Trace& trace);

}  // namespace stemma
