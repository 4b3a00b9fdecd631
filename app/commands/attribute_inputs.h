// What `stemma attribute` reads: the question, the traces of a session, the model that wrote them and its factors.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/commands/options.h"
#include "runtime/influence/attribute.h"

namespace stemma {

struct AttributeInputs {
  std::string session, factors, index, trace, model, span, against, precision, device = "auto";
  CorpusOptions corpus;
  AttributeOptions attribute;
  bool check = false, dry_run = false, json = false;
};

// "12" or "12-19", tokens of the trace. Throws WrongUsage.
AskedSpan span_of(const std::string& text, const std::string& against);
// Those asked for, or every trace that has no table of this method yet. Throws Error.
std::vector<const Trace*> choose_traces(const AttributeInputs& options, const Session& session);
// One model reads them all: the folder given, or the one the session remembers of the first trace's model. Throws
// Error.
std::shared_ptr<const Model> model_of(const AttributeInputs& options, const Session& session,
                                      const std::vector<const Trace*>& traces);
// Those given; or the model's own; or those an earlier run left beside the session; or none. Sets `place`.
std::unique_ptr<Factors> find_factors(const AttributeInputs& options, const Model& model, std::string& place);
std::filesystem::path factors_beside(const std::string& session);

}  // namespace stemma
