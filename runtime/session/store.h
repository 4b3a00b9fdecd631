// The parts of a session file: each is written and read by one pair of functions.
#pragma once

#include <map>
#include <string>

#include "runtime/session/hdf5_file.h"
#include "runtime/session/session.h"

namespace stemma {

// A name fit for a link: '/' and '%' become %2F and %25, a lone "." becomes %2E, no text "%".
std::string link_name(const std::string& text);
std::string text_of_link(const std::string& name);

void write_model(const Hdf5Node& models, const ModelFacts& model);
ModelFacts read_model(const Hdf5Node& models, const std::string& name);

// Everything of a trace but its activations and influence. Reading throws Error where the parts do not fit each other.
Hdf5Node write_trace(const Hdf5Node& traces, const Trace& trace);
Trace read_trace(const Hdf5Node& traces, const std::string& name);

// attention/steps and attention/mean of a trace's group.
void write_step_attention(const Hdf5Node& trace, const StepAttention& attention);
StepAttention read_step_attention(const Hdf5Node& trace, int64_t steps, int64_t layer, int64_t head);

// Influence tables; what tables share (ids of a corpus, texts of documents) is stored once.
class InfluenceWriter {
 public:
  explicit InfluenceWriter(const Hdf5Node& root);
  void write(const Hdf5Node& trace, const InfluenceTable& table);

 private:
  struct Written {
    SharedTexts texts;
    Hdf5Node group;
  };
  void write_shared(const Hdf5Node& group, const std::string& name, const SharedTexts& texts);
  void write_document(const Hdf5Node& documents, const InfluenceTable& table, const ShownDocument& document);

  Hdf5Node corpora_;
  std::map<std::string, std::vector<Written>> shared_;                             // by data set name
  std::map<std::pair<std::string, std::string>, const ShownDocument*> documents_;  // by corpus and id: as first written
};

class InfluenceReader {
 public:
  explicit InfluenceReader(const Hdf5Node& root) : root_(root) {}
  InfluenceTable read(const Hdf5Node& methods, const std::string& method, const Trace& trace);

 private:
  SharedTexts read_shared(const Hdf5Node& group, const std::string& name, int64_t count);
  ShownDocument read_document(const Hdf5Node& documents, const std::string& name, const InfluenceTable& table);

  Hdf5Node root_;
  std::map<uint64_t, SharedTexts> shared_;  // by address in the file
  std::map<std::string, Hdf5Node> texts_;   // of documents shown, by corpus
};

}  // namespace stemma
