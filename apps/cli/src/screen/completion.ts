/**
 * Scripts that let a shell complete a program: what it understands, written down once for each shell. They start nothing.
 * @module
 */
import { type CommandTree, withAll } from './command-tree.js'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** The script of a shell, and how it is put to use in a comment at its top. */
export function completionScript(shell: Shell, tree: CommandTree): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](tree)
}

const wordsOf = ({ commands, options }: CommandTree): readonly string[] => [
  ...commands.map(({ name }) => name),
  ...options.flatMap(({ names }) => names),
]

/** One line per command, and per option with choices: what the script looks up by the words before the cursor. */
function cases(tree: CommandTree): {
  readonly paths: string
  readonly words: string
  readonly values: string
} {
  const all = withAll(tree)
  const paths = all.slice(1).map(({ path }) => quoted(path))
  const words = all.map((one) => `    ${quoted(one.path)}) words=${quoted(wordsOf(one).join(' '))} ;;`)
  const values = all.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .flatMap(({ names, choices }) =>
        names.map(
          (name) => `    ${quoted(`${path} ${name}`)}) values=${quoted(choices.join(' '))}; isValue=1 ;;`,
        ),
      ),
  )
  return { paths: paths.join('|'), words: words.join('\n'), values: values.join('\n') }
}

function bashScript(tree: CommandTree): string {
  const { paths, words, values } = cases(tree)
  const { name } = tree
  return `# Put into ~/.bashrc: source <(${name} completion bash)
_${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path=${name} words= values= isValue= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
    ${paths}) path="$path \${COMP_WORDS[i]}" ;;
    esac
  done
  # readline takes --option=value apart: the option, the sign, what is there of the value
  [[ $cur == = ]] && cur= || { [[ $prev == = ]] && prev=\${COMP_WORDS[COMP_CWORD-2]}; }
  case "$path $prev" in
${values}
  esac
  if [[ -n $isValue ]]; then
    COMPREPLY=($(compgen -W "$values" -- "$cur"))
    return
  fi
  case "$path" in
${words}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _${name} ${name}
`
}

function zshScript(tree: CommandTree): string {
  const { paths, words, values } = cases(tree)
  const { name } = tree
  return `#compdef ${name}
# Put into ~/.zshrc, after compinit: source <(${name} completion zsh)
_${name}() {
  local path_=${name} words_= values= isValue= i
  for ((i = 2; i < CURRENT; i++)); do
    case "$path_ \${words[i]}" in
    ${paths}) path_="$path_ \${words[i]}" ;;
    esac
  done
  local option_=\${words[CURRENT-1]}
  if [[ \${words[CURRENT]} == --*=* ]]; then
    option_=\${words[CURRENT]%%=*}
    compset -P '*='
  fi
  case "$path_ $option_" in
${values}
  esac
  if [[ -n $isValue ]]; then
    if [[ -n $values ]]; then compadd -- \${=values}; else _files; fi
    return
  fi
  case "$path_" in
${words.replaceAll(') words=', ') words_=')}
  esac
  compadd -- \${=words_} || _files
}
# Out of a folder of fpath it is called at once; sourced, it says what it completes.
if [[ $funcstack[1] == _${name} ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`
}

function fishScript(tree: CommandTree): string {
  const { name } = tree
  const lines = withAll(tree).flatMap(({ path, commands, options }) => {
    const at = `-n ${quoted(`__${name}_at ${path}`)}`
    return [
      ...(commands.length === 0 ? [] : [`complete -c ${name} ${at} -f`]), // a command, and no file
      ...commands.map((one) => `complete -c ${name} ${at} -a ${one.name} -d ${quoted(one.description)}`),
      ...options.map(({ names, takesValue, choices, description }) =>
        [
          `complete -c ${name} ${at}`,
          ...names.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)),
          ...(takesValue ? ['-r'] : []),
          ...(choices.length === 0 ? [] : [`-f -a ${quoted(choices.join(' '))}`]),
          `-d ${quoted(description)}`,
        ].join(' '),
      ),
    ]
  })
  const paths = withAll(tree)
    .slice(1)
    .map(({ path }) => quoted(path))
  return `# Put into ~/.config/fish/completions/${name}.fish: ${name} completion fish > ~/.config/fish/completions/${name}.fish
function __${name}_at
  set -l at ${name}
  for word in (commandline -opc)[2..-1]
    contains -- "$at $word" ${paths.join(' ')}; and set at "$at $word"
  end
  test "$at" = "$argv"
end
${lines.join('\n')}
`
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
