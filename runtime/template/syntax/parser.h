// Reads a template's text into its tree.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/template/syntax/statements.h"

namespace stemma::jinja {

struct Tree {
  Body body;
  std::map<std::string, const Scoped*> blocks;
  std::vector<std::string> names;  // of variables, by Symbol
};

// Throws SyntaxFault.
Tree parse(std::string_view source);

}  // namespace stemma::jinja
