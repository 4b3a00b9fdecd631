// `stemma attribute --check`: an index held against a scan of all its documents.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "runtime/influence/attribute.h"
#include "runtime/influence/index/search.h"

namespace stemma {

// Recall of each question's strongest documents, and what other counts of exactly scored ones would give.
nlohmann::ordered_json check_index(const AttributeOptions& options, IndexSearch& search,
                                   const std::vector<const Trace*>& traces, const Control& control);
void print_index_check(const nlohmann::ordered_json& check);

}  // namespace stemma
