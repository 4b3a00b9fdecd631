// Escaping for HTML, as markupsafe does it: chat templates seldom mean it, yet some call it.
#pragma once

#include <string>
#include <string_view>

namespace stemma::jinja {

std::string escaped(std::string_view text);

}  // namespace stemma::jinja
