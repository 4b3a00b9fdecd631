// An evaluation suite: prompts with known answers, asked with and without a chain of thought.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "runtime/model/model.h"
#include "runtime/progress.h"
#include "runtime/trace/trace.h"

namespace stemma {

struct SuitePrompt {
  std::string id, task, prompt, answer;
  std::vector<std::string> facts;  // that the answer rests on; ids as in Document::facts
};

// One JSON object a line. Throws Error naming the line.
std::vector<SuitePrompt> read_suite(const std::filesystem::path& file);

struct Outcome {
  SuitePrompt asked;
  Trace trace;
  bool right = false;
};

// Greedy. `think` false forces an empty thought.
std::vector<Outcome> ask(const Model& model, const std::vector<SuitePrompt>& prompts, bool think, const Control& control);

struct Share {
  int right = 0, of = 0;
};
std::map<std::string, Share> by_task(const std::vector<Outcome>& outcomes);

}  // namespace stemma
