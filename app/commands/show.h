// What `stemma show` prints: the facts of the window, as text and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "runtime/session/session.h"

namespace stemma {

struct ShowOptions {
  std::string session, trace, method;  // empty: all
  int step = -1;                       // -1: all
  int documents = 5;                   // per step, and as many opponents
  bool tokens = false;                 // each shown document's tokens with their scores; as text the strongest
  bool json = false;
};

// The traces and methods that the options choose.
std::vector<const Trace*> chosen_traces(const Session& session, const ShowOptions& options);
std::vector<const InfluenceTable*> chosen_tables(const Session& session, const Trace& trace,
                                                 const ShowOptions& options);
bool shows_step(const ShowOptions& options, size_t step);

// Row of a table that belongs to a step of the trace; -1: not a query.
int row_of(const InfluenceTable& table, size_t step);
// The `count` strongest documents of a row: proponents, or opponents. Only those whose score has that sign.
std::vector<int32_t> strongest(const InfluenceTable& table, int row, int count, bool opponents);
// Score per nat of the step; NaN for a step of no nats.
double per_nat(const InfluenceTable& table, int row, int32_t document);

// How nearly the recording gives back what was sampled from; null where that was not checked.
nlohmann::ordered_json check_facts(const Session& session, const Trace& trace);
nlohmann::ordered_json trace_summary(const Session& session, const Trace& trace);
void print_trace_line(const Session& session, const Trace& trace);

nlohmann::ordered_json show_json(const Session& session, const ShowOptions& options);
void show_text(const Session& session, const ShowOptions& options);

}  // namespace stemma
