#include "app/command_palette.h"

#include <QAction>
#include <QKeyEvent>
#include <QMenu>
#include <QPainter>
#include <QStyledItemDelegate>
#include <QVBoxLayout>
#include <algorithm>

#include "app/fonts.h"
#include "app/theme.h"

namespace stemma {
namespace {

constexpr int number = Qt::UserRole, keys = Qt::UserRole + 1;  // of an action; what presses it

// Keys stand at the right, as in a menu.
class ActionDelegate : public QStyledItemDelegate {
 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
    QStyledItemDelegate::paint(painter, option, index);
    painter->save();
    painter->setFont(interface_font());
    painter->setPen(theme().quiet);
    painter->drawText(option.rect.adjusted(0, 0, -10, 0), Qt::AlignRight | Qt::AlignVCenter,
                      index.data(keys).toString());
    painter->restore();
  }
};

}  // namespace

int fuzzy_distance(const QString& query, const QString& text) {
  const QString wanted = query.toLower(), letters = text.toLower();
  if (const qsizetype whole = letters.indexOf(wanted); whole >= 0) return static_cast<int>(whole);
  qsizetype at = 0;
  int gaps = 100;
  for (const QChar c : wanted) {
    if (c == ' ') continue;
    const qsizetype next = letters.indexOf(c, at);
    if (next < 0) return -1;
    gaps += static_cast<int>(next - at);
    at = next + 1;
  }
  return gaps;
}

CommandPalette::CommandPalette(const QMenuBar* menus, QWidget* parent)
    : QDialog(parent, Qt::Popup | Qt::FramelessWindowHint), menus_(menus) {
  setFont(interface_font());
  setObjectName("palette");
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(8, 8, 8, 8);
  field_ = new QLineEdit;
  field_->setPlaceholderText(tr("What do you want to do?"));
  field_->setAccessibleName(tr("Action"));
  field_->installEventFilter(this);
  list_ = new QListWidget;
  list_->setItemDelegate(new ActionDelegate(list_));
  list_->setFrameShape(QFrame::NoFrame);
  list_->setFocusPolicy(Qt::NoFocus);
  list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  column->addWidget(field_);
  column->addWidget(list_);
  setFixedSize(460, 340);
  connect(field_, &QLineEdit::textChanged, this, &CommandPalette::filter);
  connect(list_, &QListWidget::itemClicked, this, &CommandPalette::choose);
}

void CommandPalette::collect(const QList<QAction*>& actions, const QString& menu) {
  for (QAction* action : actions) {
    const QString name = action->text().remove('&');
    if (action->menu()) {
      collect(action->menu()->actions(), menu.isEmpty() ? name : menu + " › " + name);
    } else if (!action->isSeparator() && action->isEnabled() && action->isVisible()) {
      actions_.append({menu + " › " + name, action});
    }
  }
}

void CommandPalette::ask() {
  actions_.clear();
  collect(menus_->actions(), {});
  field_->clear();
  filter();
  const QWidget* over = parentWidget();
  move(over->mapToGlobal(QPoint((over->width() - width()) / 2, 70)));
  show();
  field_->setFocus();
}

void CommandPalette::filter() {
  list_->clear();
  QList<QPair<int, qsizetype>> order;
  for (qsizetype i = 0; i < actions_.size(); ++i) {
    const int distance = field_->text().isEmpty() ? 0 : fuzzy_distance(field_->text(), actions_[i].first);
    if (distance >= 0) order.append({distance, i});
  }
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [distance, i] : order) {
    auto* item = new QListWidgetItem(actions_[i].first, list_);
    item->setData(number, static_cast<qlonglong>(i));
    item->setData(keys, actions_[i].second->shortcut().toString(QKeySequence::NativeText));
    item->setData(Qt::AccessibleTextRole, actions_[i].first + " " + item->data(keys).toString());
  }
  if (list_->count() > 0) {
    list_->setCurrentRow(0);
  } else {
    auto* none = new QListWidgetItem(tr("No action of that name"), list_);
    none->setFlags(Qt::NoItemFlags);
  }
}

void CommandPalette::choose() {
  const QListWidgetItem* item = list_->currentItem();
  if (!item || !item->data(number).isValid()) return;
  QAction* action = actions_[item->data(number).toLongLong()].second;
  hide();
  parentWidget()->activateWindow();
  action->trigger();
}

bool CommandPalette::eventFilter(QObject* watched, QEvent* event) {
  if (watched == field_ && event->type() == QEvent::KeyPress) {
    const int key = static_cast<QKeyEvent*>(event)->key();
    if (key == Qt::Key_Down || key == Qt::Key_Up) {
      const int rows = list_->count(), by = key == Qt::Key_Down ? 1 : -1;
      list_->setCurrentRow(std::clamp(list_->currentRow() + by, 0, rows - 1));
      return true;
    }
    if (key == Qt::Key_Return || key == Qt::Key_Enter) {
      choose();
      return true;
    }
  }
  return QDialog::eventFilter(watched, event);
}

}  // namespace stemma
