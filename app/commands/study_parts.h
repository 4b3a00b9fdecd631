// The parts of the page that `stemma study` writes.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "app/commands/options.h"
#include "runtime/influence/attribute.h"
#include "runtime/study/retrieval.h"

namespace stemma {

// The first `most` of a task that were answered right.
std::vector<Outcome> first_right(const std::vector<Outcome>& outcomes, const std::string& task, int most);
// Of each outcome's trace, in one pass over the corpus.
std::vector<InfluenceTable> tables_of(const Model& model, const Factors& factors, const Corpus& corpus,
                                      const std::vector<Outcome>& outcomes, const std::string& method,
                                      const Control& control);

// Is the document that states a fact found? `with` and `without` a thought.
void write_facts(std::ostream& out, const Model& model, const Factors& factors, const Corpus& corpus,
                 const std::vector<Outcome>& with, const std::vector<Outcome>& without, const Control& control);
// Do documents of the same task stand behind a completion, and the same ones behind each of its steps?
void write_reasoning(std::ostream& out, const Model& model, const Factors& factors, const Corpus& corpus,
                     const std::vector<Outcome>& asked, int each_task, const Control& control);
// How long one query's scan of the whole corpus takes, against the floor of its products.
void write_time(std::ostream& out, const Model& model, const Factors& factors, const CorpusOptions& options,
                const Outcome& query, const Control& control);

}  // namespace stemma
