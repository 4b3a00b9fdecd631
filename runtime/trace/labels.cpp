#include "runtime/trace/labels.h"

#include <algorithm>
#include <cctype>

namespace stemma {

namespace {

struct Cue {
  std::string_view words, label;
};

// The first cue that stands in a sentence names it, so the telling ones come first. Lower case, whole words.
constexpr Cue cues[] = {
    {"final answer", "final_answer_emission"},
    {"\\boxed", "final_answer_emission"},
    {"the answer is", "final_answer_emission"},
    {"double-check", "self_checking"},
    {"double check", "self_checking"},
    {"verify", "self_checking"},
    {"check", "self_checking"},
    {"confirm", "self_checking"},
    {"correct", "self_checking"},
    {"wait", "uncertainty_management"},
    {"hmm", "uncertainty_management"},
    {"hold on", "uncertainty_management"},
    {"alternatively", "uncertainty_management"},
    {"actually", "uncertainty_management"},
    {"not sure", "uncertainty_management"},
    {"confused", "uncertainty_management"},
    {"mistake", "uncertainty_management"},
    {"maybe", "uncertainty_management"},
    {"perhaps", "uncertainty_management"},
    {"the problem", "problem_setup"},
    {"this problem", "problem_setup"},
    {"the question", "problem_setup"},
    {"we are given", "problem_setup"},
    {"i am given", "problem_setup"},
    {"is given", "problem_setup"},
    {"are given", "problem_setup"},
    {"the user", "problem_setup"},
    {"asked to", "problem_setup"},
    {"asks", "problem_setup"},
    {"let me", "plan_generation"},
    {"let's", "plan_generation"},
    {"i need to", "plan_generation"},
    {"we need to", "plan_generation"},
    {"i should", "plan_generation"},
    {"i will", "plan_generation"},
    {"i'll", "plan_generation"},
    {"i can", "plan_generation"},
    {"we can", "plan_generation"},
    {"the next step", "plan_generation"},
    {"the first step", "plan_generation"},
    {"to find", "plan_generation"},
    {"to solve", "plan_generation"},
    {"approach", "plan_generation"},
    {"recall", "fact_retrieval"},
    {"remember", "fact_retrieval"},
    {"i know", "fact_retrieval"},
    {"we know", "fact_retrieval"},
    {"formula", "fact_retrieval"},
    {"theorem", "fact_retrieval"},
    {"by definition", "fact_retrieval"},
    {"is defined as", "fact_retrieval"},
    {"is known", "fact_retrieval"},
    {"states that", "fact_retrieval"},
    {"according to", "fact_retrieval"},
    {"policy", "fact_retrieval"},
    {"therefore", "result_consolidation"},
    {"thus", "result_consolidation"},
    {"hence", "result_consolidation"},
    {"in total", "result_consolidation"},
    {"in summary", "result_consolidation"},
    {"so the", "result_consolidation"},
    {"that means", "result_consolidation"},
    {"this means", "result_consolidation"},
    {"calculate", "active_computation"},
    {"compute", "active_computation"},
    {"multiply", "active_computation"},
    {"divide", "active_computation"},
    {"subtract", "active_computation"},
    {"add", "active_computation"},
    {"plug", "active_computation"},
    {"substitute", "active_computation"},
};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

bool has_words(std::string_view sentence, std::string_view words) {
  for (size_t at = sentence.find(words); at != std::string_view::npos; at = sentence.find(words, at + 1)) {
    const size_t end = at + words.size();
    if ((at == 0 || !is_word(sentence[at - 1])) && (end == sentence.size() || !is_word(sentence[end]))) return true;
  }
  return false;
}

// A number on each side of an equals sign or an operator somewhere: the sentence reckons.
bool reckons(std::string_view sentence) {
  const bool digits = std::any_of(sentence.begin(), sentence.end(), [](unsigned char c) { return std::isdigit(c); });
  return digits && sentence.find_first_of("=+*/^") != std::string_view::npos;
}

}  // namespace

std::string_view lexical_label(std::string_view sentence) {
  std::string lower(sentence);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const bool reckoning = reckons(lower);
  for (const Cue& cue : cues) {
    if (!has_words(lower, cue.words)) continue;
    // "Therefore 3 + 4 = 7" and "the formula gives 2 * 3 = 6" reckon first of all.
    if (reckoning && (cue.label == "result_consolidation" || cue.label == "fact_retrieval")) break;
    return cue.label;
  }
  return reckoning ? "active_computation" : "";
}

void label_steps(Trace& trace) {
  for (Step& step : trace.steps) {
    if (step.kind == StepKind::prompt || !step.label.empty()) continue;
    step.label = step.kind == StepKind::answer ? "final_answer_emission" : lexical_label(trace.step_text(step));
    if (!step.label.empty()) step.labelled_by = "lexical";
  }
}

}  // namespace stemma
