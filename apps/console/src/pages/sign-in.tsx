import { useState } from 'preact/hooks'
import { signIn, turnedAway } from '../net/session.js'
import { CommandLine } from '../parts/command.js'
import { Mark } from '../parts/mark.js'
import { tokenIn } from '../views/token.js'

/** Where a token is asked for. */
export function SignInPage() {
  const [text, setText] = useState('')
  const given = tokenIn(text) ?? text.trim()
  const submit = (event: Event) => {
    event.preventDefault()
    if (given !== '') signIn(given)
  }
  return (
    <main class="sign-in">
      <div class="brand">
        <Mark size={28} />
        Lorica
      </div>
      <form class="panel" onSubmit={submit}>
        <div class="body stack">
          <h1>Sign in</h1>
          {turnedAway.value !== null && (
            <div class="banner bad" role="alert">
              {turnedAway.value} Take a newer one.
            </div>
          )}
          <div class="field">
            <label for="token">Operator token, or the link that the coordinator printed</label>
            <input
              id="token"
              type="password"
              autocomplete="off"
              spellcheck={false}
              value={text}
              onInput={({ currentTarget }) => setText(currentTarget.value)}
            />
            <span class="hint">It is kept in this tab, and forgotten when you close it.</span>
          </div>
          <button type="submit" class="first" disabled={given === ''}>
            Sign in
          </button>
        </div>
      </form>
      <div class="stack tight small soft">
        <span>On the machine of the coordinator, this prints the token of its owner:</span>
        <CommandLine text="cat lorica-coordinator/admin-token" />
        <span>An admin makes tokens for others, as viewer, operator or admin:</span>
        <CommandLine text="lorica operators add NAME --role viewer" />
      </div>
    </main>
  )
}
